#include "pools/pool_options.hpp"

#include "interpreters/config_object.hpp"

namespace libatoll::bindings {

namespace {

constexpr auto most_workers = static_cast<Py_ssize_t>(runtime::Pool::most_workers);

bool parse_count(Py_ssize_t value, Py_ssize_t least, const char* name, std::size_t& out) {
  if (value < least || value > most_workers) {
    PyErr_Format(PyExc_ValueError, "%s must be between %zd and %zd, not %zd", name, least,
                 most_workers, value);
    return false;
  }
  out = static_cast<std::size_t>(value);
  return true;
}

py::Status parse_preload(PyObject* names, std::vector<std::string>& out) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i) {
    PyObject* const name = PyTuple_GET_ITEM(names, i);
    if (!PyUnicode_Check(name)) {
      PyErr_Format(PyExc_TypeError, "preload must hold names of modules, not %.200s",
                   Py_TYPE(name)->tp_name);
      return py::Status::error;
    }
    const char* const text = PyUnicode_AsUTF8(name);
    if (!text) return py::Status::error;
    out.emplace_back(text);
  }
  return py::Status::ok;
}

/// (callable, tuple of arguments) each.
py::Status parse_set_up(transfer::Context& context, PyObject* calls, transfer::Mode mode,
                        std::vector<core::Message>& out) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(calls); ++i) {
    PyObject* callable;
    PyObject* arguments;
    if (!PyArg_ParseTuple(PyTuple_GET_ITEM(calls, i), "OO!", &callable, &PyTuple_Type,
                          &arguments)) {
      return py::Status::error;
    }
    core::Message& call = out.emplace_back();
    if (py::failed(transfer::encode_call(context, callable, &PyTuple_GET_ITEM(arguments, 0),
                                         PyTuple_GET_SIZE(arguments), nullptr, call, mode))) {
      return py::Status::error;
    }
  }
  return py::Status::ok;
}

}  // namespace

py::Status parse_pool_arguments(State& state, PyObject* args, PyObject* kwargs,
                                PoolArguments& out) {
  static const char* const names[] = {"interpreters", "threads",      "max_tasks", "warm",
                                      "name",         "preload",      "set_up",    "config",
                                      "by_value",     "keeps_output", nullptr};
  Py_ssize_t interpreters = 1, threads = 1, max_tasks = 0, warm = 0;
  const char* name = "atoll";
  PyObject *preload = nullptr, *set_up = nullptr, *config = Py_None;
  int by_value = 1, keeps_output = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$nnnnsO!O!Opp:Pool", const_cast<char**>(names),
                                   &interpreters, &threads, &max_tasks, &warm, &name, &PyTuple_Type,
                                   &preload, &PyTuple_Type, &set_up, &config, &by_value,
                                   &keeps_output)) {
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
      PyErr_SetString(PyExc_ValueError, "a number of interpreters, threads or tasks is too large");
    }
    return py::Status::error;
  }
  transfer::Context* const context = state.context();
  if (!context) return py::Status::error;
  runtime::PoolOptions& options = out.options;
  out.mode = by_value ? transfer::Mode::any_by_value : transfer::Mode::any;
  if (!parse_count(interpreters, 1, "interpreters", options.interpreters) ||
      !parse_count(threads, 1, "threads", options.threads) ||
      !parse_count(warm, 0, "warm", options.spares)) {
    return py::Status::error;
  }
  if (options.interpreters * options.threads > runtime::Pool::most_workers) {
    PyErr_Format(PyExc_ValueError, "interpreters * threads must not be more than %zd",
                 most_workers);
    return py::Status::error;
  }
  if (max_tasks < 0) {
    PyErr_SetString(PyExc_ValueError, "max_tasks_per_interpreter must be greater than 0");
    return py::Status::error;
  }
  options.max_tasks = static_cast<std::uint64_t>(max_tasks);
  options.name = name;
  if (config != Py_None && py::failed(config_from_python(state, config, options.config))) {
    return py::Status::error;
  }
  if (preload && py::failed(parse_preload(preload, options.preload))) return py::Status::error;
  if (set_up && py::failed(parse_set_up(*context, set_up, out.mode, options.set_up))) {
    return py::Status::error;
  }
  options.keeps_output = keeps_output != 0;
  return py::Status::ok;
}

}  // namespace libatoll::bindings
