// Runs the tests of one program. With ATOLL_TEST_PYTHON (the interpreter that atoll was built for)
// they run inside an embedded CPython, in the main thread, which holds the GIL of the main
// interpreter.
#ifdef ATOLL_TEST_PYTHON
#include <Python.h>
#endif

#include <doctest/doctest.h>

#ifdef ATOLL_TEST_PYTHON
#include "runtime/process/exit_memory.hpp"

namespace {

// As if by that interpreter itself, so that the packages of its virtual environment are found.
bool start_python() {
  PyConfig config;
  PyConfig_InitPythonConfig(&config);
  config.parse_argv = 0;
  PyStatus status = PyConfig_SetBytesString(&config, &config.program_name, ATOLL_TEST_PYTHON);
  if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  if (PyStatus_Exception(status)) Py_ExitStatusException(status);
  return Py_IsInitialized();
}

}  // namespace
#endif

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
#ifdef ATOLL_TEST_PYTHON
  if (!start_python()) return 2;
  const int failures = context.run();
  // The runtime does so itself, but tests make interpreters without it too.
  libatoll::runtime::lifecycle::keep_freed_memory();
  return Py_FinalizeEx() < 0 ? 2 : failures;
#else
  return context.run();
#endif
}
