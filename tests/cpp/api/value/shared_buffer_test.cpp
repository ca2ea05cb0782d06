// SharedBuffer in C++: memory, its parts, its way to Python and back.
#include <cstdint>
#include <cstring>
#include <thread>
#include <utility>

#include "../support.hpp"
#include "api/value/codec.hpp"

using namespace libatoll;
using namespace libatoll::test;

TEST_CASE("memory and its parts") {
  const std::uint64_t before = SharedBuffer::total_bytes();
  {
    const SharedBuffer buffer(100);
    CHECK(buffer.size() == 100);
    CHECK(buffer.view() == std::string(100, '\0'));
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64 == 0);
    const SharedBuffer part = buffer.slice(10, 20);
    part.writable()[0] = std::byte{7};
    CHECK(buffer.span()[10] == std::byte{7});
    const SharedBuffer copy = buffer;
    CHECK(copy.data() == buffer.data());
    CHECK(SharedBuffer::total_bytes() == before + 100);
    CHECK(buffer.slice(100, 0).empty());
  }
  CHECK(SharedBuffer::total_bytes() == before);
}

TEST_CASE("elements") {
  const SharedBuffer buffer(8 * sizeof(double));
  buffer.writable_as<double>()[3] = 1.5;
  CHECK(buffer.as<double>()[3] == 1.5);
  CHECK(buffer.as<std::int32_t>().size() == 16);
  CHECK(text_of<ValueError>([&] { (void)buffer.slice(0, 7).as<double>(); }).find("whole number") !=
        std::string::npos);
  CHECK(text_of<ValueError>([&] { (void)buffer.slice(4, 8).as<double>(); }).find("multiple of 8") !=
        std::string::npos);
}

TEST_CASE("read-only memory") {
  const auto buffer = SharedBuffer::copy_of("abc");
  const SharedBuffer frozen = buffer.readonly();
  CHECK(frozen.is_readonly());
  CHECK(frozen.slice(1, 1).is_readonly());
  CHECK_FALSE(buffer.is_readonly());
  CHECK_THROWS_AS((void)frozen.writable(), ValueError);
  CHECK_THROWS_AS((void)frozen.writable_as<char>(), ValueError);
  buffer.writable()[0] = std::byte{'x'};
  CHECK(frozen.view() == "xbc");
}

TEST_CASE("what cannot be") {
  CHECK_THROWS_AS(SharedBuffer(SIZE_MAX), std::bad_alloc);
  SharedBuffer buffer(10);
  for (const auto& [offset, size] :
       {std::pair<std::size_t, std::size_t>{0, 11}, {11, 0}, {5, SIZE_MAX}, {SIZE_MAX, 2}}) {
    CHECK_THROWS_AS((void)buffer.slice(offset, size), ValueError);
  }
  const SharedBuffer taken = std::move(buffer);
  CHECK(taken.size() == 10);
  CHECK(buffer.empty());  // NOLINT(bugprone-use-after-move): what is left is defined
  CHECK(buffer.span().empty());
  CHECK_THROWS_AS((void)buffer.writable(), ValueError);
  CHECK_THROWS_AS((void)buffer.readonly(), ValueError);
}

TEST_CASE("as a Value") {
  const Value value = SharedBuffer::copy_of("hello");
  CHECK(value.kind() == Kind::buffer);
  CHECK(value.is_buffer());
  CHECK(value.size() == 5);
  CHECK(to_string(value) == "<SharedBuffer of 5 bytes>");
  CHECK(value.as<SharedBuffer>().view() == "hello");
  CHECK(value == Value(SharedBuffer::copy_of("hello")));
  CHECK_FALSE(value == Value(SharedBuffer::copy_of("hallo")));
  CHECK_FALSE(value == Value(Bytes("hello")));
  CHECK_THROWS_AS((void)value.as<Bytes>(), ValueError);
  CHECK_THROWS_AS((void)Value(1).as<SharedBuffer>(), ValueError);
  CHECK_THROWS_AS((void)api::encode(Dict{{value, 1}}, "value"), NotShareableError);
}

TEST_CASE("between C++ threads, without Python") {
  const auto queue = Queue::create();
  const SharedBuffer buffer(1 << 20);
  std::thread other([queue] {
    const Value got = queue.get(patience);
    got.at("buffers").at(1).as<SharedBuffer>().writable()[5] = std::byte{9};
    queue.put(true);
  });
  queue.put(Dict{{"buffers", List{Value(1), Value(buffer)}}});
  other.join();
  CHECK(queue.get(patience).as<bool>());
  CHECK(buffer.span()[5] == std::byte{9});
}

#ifdef ATOLL_TEST_PACKAGE

TEST_CASE("to Python and back, without a copy") {
  const std::uint64_t before = SharedBuffer::total_bytes();
  const Python python;
  {
    auto interpreter = Python::interpreter();
    const SharedBuffer samples(1000 * sizeof(float));
    interpreter.set("samples", samples);
    interpreter.exec(
        "view = memoryview(samples).cast('f')\n"
        "view[10] = 2.5\n"
        "def first(buffer):\n"
        "    buffer[0] = 1\n"
        "    return {'part': buffer[40:], 'frozen': buffer.toreadonly()}\n");
    CHECK(samples.as<float>()[10] == 2.5F);
    samples.writable_as<float>()[11] = 3.5F;
    CHECK(interpreter.eval("view[11]").as<double>() == 3.5);

    const Value result = interpreter.call("first", samples);
    const auto part = result.at("part").as<SharedBuffer>();
    CHECK(samples.span()[0] == std::byte{1});
    CHECK(part.data() == samples.data() + 40);
    CHECK(result.at("frozen").as<SharedBuffer>().is_readonly());
    CHECK(SharedBuffer::total_bytes() == before + samples.size());
  }
  CHECK(SharedBuffer::total_bytes() == before);
}

TEST_CASE("as docs/cpp.md has it") {
  const Python with_package;
  const Interpreter python = Python::interpreter();
  // [shared]
  atoll::SharedBuffer samples(1'000'000 * sizeof(float));  // all 0
  python.set("samples", samples);                          // an atoll.SharedBuffer
  python.exec("floats = memoryview(samples).cast('f'); floats[0] = 0.5");
  for (float& sample : samples.writable_as<float>()) sample += 1;
  double first = python.eval("floats[0]").as<double>();
  atoll::Value part = python.eval("samples[4:8]");  // four bytes of the same memory
  float second = part.as<atoll::SharedBuffer>().as<float>()[0];
  // [shared]
  CHECK(first == 1.5);
  CHECK(second == 1.0F);
}

TEST_CASE("memory that Python made outlives its interpreter") {
  const Python python;
  const auto queue = Queue::create();
  Value kept;
  {
    auto interpreter = Python::interpreter();
    interpreter.set("queue", queue);
    interpreter.exec(
        "import atoll\n"
        "kept = atoll.SharedBuffer.of(b'kept')\n"
        "queue.put(kept[1:])\n");
    kept = interpreter.get("kept");
    const Value part = queue.get(patience);
    CHECK(part.as<SharedBuffer>().data() == kept.as<SharedBuffer>().data() + 1);
  }
  CHECK(kept.as<SharedBuffer>().view() == "kept");
}

TEST_CASE("what is no Value is refused by name") {
  const Python python;
  auto interpreter = Python::interpreter();
  const auto queue = Queue::create();
  interpreter.set("queue", queue);
  interpreter.exec("import atoll, array; made = atoll.SharedArray(3); queue.put([made])");
  CHECK(text_of<NotShareableError>([&] { (void)interpreter.get("made"); }).find("SharedArray") !=
        std::string::npos);
  CHECK(text_of<NotShareableError>([&] { (void)queue.get(patience); }).find("SharedArray") !=
        std::string::npos);
  CHECK(interpreter.eval("made.buffer").as<SharedBuffer>().size() == 24);
  interpreter.exec("queue.put(array.array('i', [1]))");
  CHECK(text_of<NotShareableError>([&] { (void)queue.get(patience); }).find("array.array") !=
        std::string::npos);
}

#endif
