#include "transfer/exceptions/exception.hpp"

#include "../support.hpp"

using namespace libatoll::test;
using libatoll::py::Ref;
using libatoll::transfer::capture;
using libatoll::transfer::ExceptionSnapshot;
using libatoll::transfer::rebuild;
using libatoll::transfer::to_namespace;

namespace {

/// The exception that statements raise.
Ref raised(const std::string& source) {
  const auto space = Ref::steal(PyDict_New());
  PyDict_SetItemString(space.get(), "__builtins__", PyEval_GetBuiltins());
  const auto name = Ref::steal(PyUnicode_FromString("__main__"));
  PyDict_SetItemString(space.get(), "__name__", name.get());
  const auto value =
      Ref::steal(PyRun_String(source.c_str(), Py_file_input, space.get(), space.get()));
  REQUIRE_FALSE(value);
  auto error = Ref::steal(PyErr_GetRaisedException());
  const auto traceback = Ref::steal(PyException_GetTraceback(error.get()));
  return error;
}

}  // namespace

TEST_CASE("an exception becomes plain text") {
  const MainContext main;
  const ExceptionSnapshot snapshot = capture(*main, raised("raise ValueError('no')").get());
  CHECK(snapshot.type_name == "ValueError");
  CHECK(snapshot.type_module == "builtins");
  CHECK(snapshot.message == "no");
  CHECK(snapshot.formatted == "ValueError: no");
  REQUIRE(snapshot.errdisplay);
  CHECK(snapshot.errdisplay->find("Traceback (most recent call last):") == 0);
  CHECK(snapshot.errdisplay->ends_with("ValueError: no"));
  CHECK_FALSE(snapshot.original);
  CHECK(repr(to_namespace(*main, snapshot)).find("namespace(type=namespace(") == 0);
}

TEST_CASE("whatever an exception does, it is captured") {
  const MainContext main;
  for (
      const char* const source : {
          "class E(Exception):\n    def __str__(self): raise RuntimeError\nraise E",
          "class E(Exception):\n    def __str__(self): return 5\nraise E",
          "raise ValueError('\\ud800')",
          "def f(): f()\nf()",
          "raise MemoryError",
          "raise SystemExit(0)",
          "e = ValueError()\ne.__cause__ = e\nraise e",
          "raise ExceptionGroup('g', [ValueError(1), TypeError(2)])",
          "import traceback\nclass E(Exception):\n    def __getattribute__(self, name): raise KeyError\nraise E",
          "class M(type):\n    __module__ = property(lambda self: 1 / 0)\n"
          "class E(Exception, metaclass=M): pass\nraise E",
      }) {
    CAPTURE(source);
    const Ref error = raised(source);
    const ExceptionSnapshot snapshot = capture(*main, error.get(), Mode::any);
    CHECK_FALSE(PyErr_Occurred());
    CHECK_FALSE(snapshot.formatted.empty());
    CHECK(to_namespace(*main, snapshot));
    static_cast<void>(rebuild(*main, snapshot));
    CHECK_FALSE(PyErr_Occurred());
  }
}

TEST_CASE("an exception is rebuilt in another interpreter with its chain") {
  const MainContext main;
  Other other;
  ExceptionSnapshot snapshot;
  other.enter([&](Context& context) {
    snapshot =
        capture(context,
                raised("try:\n    {}['k']\n"
                       "except KeyError as e:\n"
                       "    x = ValueError('no', 1)\n    x.add_note('note')\n    raise x from e")
                    .get(),
                Mode::any);
  });
  const Ref error = rebuild(*main, snapshot);
  REQUIRE(error);
  CHECK(repr(error) == "ValueError('no', 1)");
  const auto notes = Ref::steal(PyObject_GetAttrString(error.get(), "__notes__"));
  CHECK(repr(notes) == "['note']");
  const auto cause = Ref::steal(PyException_GetCause(error.get()));
  CHECK(repr(cause) == "KeyError('k')");
  const auto remote = Ref::steal(PyException_GetCause(cause.get()));
  CHECK(repr(remote).find("RemoteTraceback") == 0);
}
