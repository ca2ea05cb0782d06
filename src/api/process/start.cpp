#include "api/process/start.hpp"

#include <Python.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "atoll/error.hpp"
#include "py/cpython_compat.hpp"
#include "py/ref.hpp"
#include "runtime/interpreter/errors.hpp"

namespace libatoll::api {

namespace fs = std::filesystem;

namespace {

const std::string version_text =
    std::to_string(PY_MAJOR_VERSION) + "." + std::to_string(PY_MINOR_VERSION);

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

/// Does the environment that `program` belongs to say that it is made for this version? (What
/// stands in pyvenv.cfg: "version = 3.14.8", or "version_info" of virtualenv.)
bool is_for_this_version(const fs::path& environment) {
  std::ifstream config(environment / "pyvenv.cfg");
  for (std::string line; std::getline(config, line);) {
    if (!line.starts_with("version")) continue;
    const std::size_t equals = line.find('=');
    if (equals == line.npos) continue;
    std::string_view value(line);
    value.remove_prefix(equals + 1);
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    return value.starts_with(version_text + ".") || value == version_text;
  }
  return false;
}

/// The `python` of the installation that the libpython in use belongs to. CPython itself would look
/// for "python3" on PATH, which may be of another version.
fs::path python_beside_library() {
  Dl_info info;
  if (!dladdr(reinterpret_cast<void*>(&Py_InitializeFromConfig), &info) || !info.dli_fname)
    return {};
  std::error_code ignored;
  fs::path directory = fs::canonical(info.dli_fname, ignored).parent_path();
  // .../lib/libpython3.14.so, Debian: .../lib/x86_64-linux-gnu/libpython3.14.so
  for (int level = 0; level < 3 && directory.has_relative_path(); ++level) {
    directory = directory.parent_path();
    fs::path program = directory / "bin" / ("python" + version_text);
    if (is_file(program)) return program;
  }
  return {};
}

fs::path default_program(const RuntimeOptions& options) {
  const char* environment = std::getenv("VIRTUAL_ENV");
  if (environment && *environment && options.use_environment && !options.isolated &&
      is_for_this_version(environment)) {
    fs::path program = fs::path(environment) / "bin" / "python";
    if (is_file(program)) return program;
  }
  return python_beside_library();
}

/// A PyConfig that is cleared in every case.
class Config {
 public:
  explicit Config(const RuntimeOptions& options) {
    if (options.isolated) {
      PyConfig_InitIsolatedConfig(&config_);
    } else {
      PyConfig_InitPythonConfig(&config_);
      config_.use_environment = options.use_environment;
    }
    config_.parse_argv = 0;
    config_.install_signal_handlers = options.install_signal_handlers;
  }
  ~Config() { PyConfig_Clear(&config_); }
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;

  PyConfig* operator->() noexcept { return &config_; }
  PyConfig* get() noexcept { return &config_; }

 private:
  PyConfig config_;
};

void require(const PyStatus& status) {
  if (!PyStatus_Exception(status)) return;
  std::string text = "Python cannot be started";
  if (status.err_msg) text += std::string(": ") + status.err_msg;
  throw StartupError(text);
}

void preinitialize(const RuntimeOptions& options) {
  PyPreConfig config;
  if (options.isolated) {
    PyPreConfig_InitIsolatedConfig(&config);
  } else {
    PyPreConfig_InitPythonConfig(&config);
    config.use_environment = options.use_environment;
  }
  config.parse_argv = 0;
  // Text in options is UTF-8 as everywhere in atoll. The program's locale is its own affair.
  config.utf8_mode = 1;
  config.configure_locale = 0;
  config.coerce_c_locale = 0;
  require(Py_PreInitialize(&config));
}

void extend_path(const std::vector<std::string>& entries) {
  PyObject* path = PySys_GetObject("path");
  if (!path || !PyList_Check(path)) throw StartupError("Python has no sys.path");
  Py_ssize_t position = 0;
  for (const std::string& entry : entries) {
    const py::Ref text = py::Ref::steal(
        PyUnicode_DecodeFSDefaultAndSize(entry.data(), static_cast<Py_ssize_t>(entry.size())));
    if (!text || PyList_Insert(path, position++, text.get()) != 0) {
      throw StartupError("sys.path cannot be extended: " + runtime::take_error_text());
    }
  }
}

/// 3.12's `threading` takes the thread that imports it for the main thread, and waits for that one
/// when Python ends: it must not be a thread that merely was the first to need it.
void name_main_thread() {
#if ATOLL_THREADING_TAKES_IMPORTER_FOR_MAIN
  if (!py::Ref::steal(PyImport_ImportModule("threading"))) {
    throw StartupError("`threading` cannot be imported: " + runtime::take_error_text());
  }
#endif
}

/// An end of CPython 3.12 leaves objects in the static types of `_datetime` whose memory the next
/// start frees again: "double free or corruption", without atoll too.
void require_first_start() {
#if !ATOLL_CAN_START_AGAIN
  static bool was_started = false;
  if (std::exchange(was_started, true)) {
    throw StartupError("Python " + version_text +
                       " cannot be started a second time in one process: it would crash. Keep one "
                       "Runtime for as long as the program needs Python, or use Python 3.13");
  }
#endif
}

}  // namespace

void start_cpython(const RuntimeOptions& options) {
  if (Py_Version >> 16 != PY_VERSION_HEX >> 16) {
    throw StartupError("atoll was built for Python " + version_text + ", but Python " +
                       Py_GetVersion() + " is loaded");
  }
  require_first_start();
  preinitialize(options);
  Config config(options);
  const std::string program =
      options.program_name.empty() ? default_program(options).string() : options.program_name;
  if (!program.empty()) {
    require(PyConfig_SetBytesString(config.get(), &config->program_name, program.c_str()));
  }
  std::vector<char*> arguments;
  for (const std::string& argument : options.argv) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  if (!arguments.empty()) {
    require(PyConfig_SetBytesArgv(config.get(), static_cast<Py_ssize_t>(arguments.size()),
                                  arguments.data()));
  }
  require(Py_InitializeFromConfig(config.get()));
  try {
    extend_path(options.path);
    name_main_thread();
  } catch (...) {
    Py_FinalizeEx();
    throw;
  }
}

}  // namespace libatoll::api
