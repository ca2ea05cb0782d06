// Memory that is seen from another interpreter, and its end.
#include <cstring>

#include "../support.hpp"
#include "transfer/memory/release_list.hpp"

using namespace libatoll::test;
using libatoll::py::Ref;
using libatoll::transfer::decode;
using libatoll::transfer::drain_releases;

namespace {

bool can_resize(const Ref& bytearray) {
  const auto result = Ref::steal(PyObject_CallMethod(bytearray.get(), "append", "i", 1));
  PyErr_Clear();
  return static_cast<bool>(result);
}

}  // namespace

TEST_CASE("a memoryview is one memory in two interpreters") {
  const MainContext main;
  const Ref source = evaluate("bytearray(b'hello')");
  {
    Other other;
    Message message = encoded(*main, Ref::steal(PyMemoryView_FromObject(source.get())));
    CHECK_FALSE(can_resize(source));
    other.enter([&](Context& context) {
      const Ref view = decoded(context, message);
      message.reset();
      REQUIRE(PyMemoryView_Check(view.get()));
      static_cast<char*>(PyMemoryView_GET_BUFFER(view.get())->buf)[0] = 'J';
    });
    CHECK(std::memcmp(PyByteArray_AS_STRING(source.get()), "Jello", 5) == 0);
    // Given up over there, released here.
    CHECK_FALSE(can_resize(source));
    drain_releases(*main);
    CHECK(can_resize(source));
  }
}

TEST_CASE("format, shape, strides and read-only-ness are kept") {
  const MainContext main;
  for (const char* const source :
       {"memoryview(bytearray(range(48))).cast('i', shape=[3, 4])",
        "memoryview(bytearray(range(48))).cast('h')[::-3]", "memoryview(b'bytes')[1:4]"}) {
    CAPTURE(source);
    const Ref before = evaluate(source);
    const Ref after = decoded(*main, encoded(*main, before));
    CHECK(PyObject_RichCompareBool(before.get(), after.get(), Py_EQ) == 1);
    for (const char* const name : {"format", "shape", "strides", "ndim", "readonly", "itemsize"}) {
      const auto a = Ref::steal(PyObject_GetAttrString(before.get(), name));
      const auto b = Ref::steal(PyObject_GetAttrString(after.get(), name));
      CHECK(PyObject_RichCompareBool(a.get(), b.get(), Py_EQ) == 1);
    }
  }
}

TEST_CASE("memory outlives its interpreter") {
  const MainContext main;
  for (const char* const source :
       {"memoryview(bytearray(b'small' * 3))", "memoryview(bytearray(b'large' * 300000))",
        "memoryview(b'const' * 10)"}) {
    CAPTURE(source);
    Message message;
    std::string expected;
    {
      Other other;
      other.enter([&](Context& context) {
        const Ref view = evaluate(source);
        const Py_buffer* const buffer = PyMemoryView_GET_BUFFER(view.get());
        expected.assign(static_cast<char*>(buffer->buf), static_cast<std::size_t>(buffer->len));
        message = encoded(context, view);
      });
    }
    const Ref view = decoded(*main, message);
    const Py_buffer* const buffer = PyMemoryView_GET_BUFFER(view.get());
    CHECK(expected.compare(0, std::string::npos, static_cast<char*>(buffer->buf),
                           static_cast<std::size_t>(buffer->len)) == 0);
    static_cast<void>(repr(view));
  }
}

TEST_CASE("memory that was given up before its interpreter ends is released there") {
  const MainContext main;
  Message message;
  bool is_released = false;
  Other other;
  other.enter([&](Context& context) {
    const Ref source = evaluate("type('Memory', (bytearray,), {})(9)");
    const auto witness = Ref::steal(PyCapsule_New(&is_released, nullptr, [](PyObject* capsule) {
      *static_cast<bool*>(PyCapsule_GetPointer(capsule, nullptr)) = true;
    }));
    REQUIRE(PyObject_SetAttrString(source.get(), "witness", witness.get()) == 0);
    message = encoded(context, Ref::steal(PyMemoryView_FromObject(source.get())));
  });
  CHECK_FALSE(is_released);
  message.reset();
  CHECK_FALSE(is_released);
  other.end();
  CHECK(is_released);
}

TEST_CASE("views of memory that arrived need no release") {
  const MainContext main;
  Message first;
  {
    Other other;
    other.enter([&](Context& context) {
      const Ref array = evaluate(
          "import pickle\n"
          "class Array:\n"
          "    def __init__(self, data): self.data = data\n"
          "    def __reduce_ex__(self, protocol):\n"
          "        return memoryview, (pickle.PickleBuffer(self.data),)\n"
          "result = Array(bytearray(b'x' * 100000))\n");
      const Ref view = decode(context, encoded(context, array));
      const auto part = Ref::steal(PyObject_CallMethod(view.get(), "cast", "s", "H"));
      first = encoded(context, part);
    });
  }
  const Ref view = decoded(*main, first);
  first.reset();
  CHECK(repr(Ref::steal(PyObject_GetAttrString(view.get(), "format"))) == "'H'");
  CHECK(PyMemoryView_GET_BUFFER(view.get())->len == 100000);
  CHECK(static_cast<char*>(PyMemoryView_GET_BUFFER(view.get())->buf)[99999] == 'x');
}

TEST_CASE("a message that is dropped unread gives its memory back") {
  const MainContext main;
  const Ref source = evaluate("bytearray(b'hello')");
  {
    const Message message = encoded(*main, Ref::steal(PyMemoryView_FromObject(source.get())));
    CHECK_FALSE(can_resize(source));
  }
  drain_releases(*main);
  CHECK(can_resize(source));
}

TEST_CASE("large buffers leave the pickle and are copied once") {
  const MainContext main;
  const Ref source = evaluate(
      "import pickle\n"
      "class Array:\n"
      "    def __init__(self, data): self.data = data\n"
      "    def __reduce_ex__(self, protocol): return bytearray, (pickle.PickleBuffer(self.data),)\n"
      "result = Array(bytearray(b'x' * 100000))\n");
  Message message = encoded(*main, source);
  CHECK(message.attachment_count() == 1);
  CHECK(message.bytes().size() < 1000);
  const Ref first = decoded(*main, message);
  CHECK(PyByteArray_GET_SIZE(first.get()) == 100000);
  const Ref second = decode(*main, std::move(message));
  CHECK(PyObject_RichCompareBool(first.get(), second.get(), Py_EQ) == 1);
}
