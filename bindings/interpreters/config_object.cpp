#include "interpreters/config_object.hpp"

#include <string_view>

namespace libatoll::bindings {

namespace {

struct BoolField {
  const char* name;
  bool Config::*member;
};

constexpr BoolField bool_fields[] = {
    {"use_main_obmalloc", &Config::use_main_obmalloc},
    {"allow_fork", &Config::allow_fork},
    {"allow_exec", &Config::allow_exec},
    {"allow_threads", &Config::allow_threads},
    {"allow_daemon_threads", &Config::allow_daemon_threads},
    {"check_multi_interp_extensions", &Config::check_multi_interp_extensions},
};
constexpr const char* gil_field = "gil";
// CPython has no such field: objects show it only where it differs from CPython's rule, and may
// lack it.
constexpr const char* extensions_field = "extensions";
constexpr Py_ssize_t field_count = std::size(bool_fields) + 1;

py::Status set_gil(PyObject* value, Config& config) {
  if (!PyUnicode_Check(value)) {
    PyErr_Format(PyExc_TypeError, "config field 'gil' must be a str, not %.100s",
                 Py_TYPE(value)->tp_name);
    return py::Status::error;
  }
  const char* text = PyUnicode_AsUTF8(value);
  if (!text) return py::Status::error;
  try {
    config.gil = gil_from_string(text);
  } catch (const ConfigError& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
    return py::Status::error;
  }
  return py::Status::ok;
}

/// None stands for atoll's default.
py::Status set_extensions(PyObject* value, Config& config) {
  if (value == Py_None) {
    config.extensions = default_extensions();
    return py::Status::ok;
  }
  if (!PyUnicode_Check(value)) {
    PyErr_Format(PyExc_TypeError, "config field 'extensions' must be a str, not %.100s",
                 Py_TYPE(value)->tp_name);
    return py::Status::error;
  }
  const char* text = PyUnicode_AsUTF8(value);
  if (!text) return py::Status::error;
  try {
    config.extensions = extensions_from_string(text);
  } catch (const ConfigError& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
    return py::Status::error;
  }
  return py::Status::ok;
}

py::Status set_field(PyObject* name, PyObject* value, Config& config) {
  if (PyUnicode_Check(name)) {
    if (PyUnicode_CompareWithASCIIString(name, gil_field) == 0) return set_gil(value, config);
    if (PyUnicode_CompareWithASCIIString(name, extensions_field) == 0) {
      return set_extensions(value, config);
    }
    for (const BoolField& field : bool_fields) {
      if (PyUnicode_CompareWithASCIIString(name, field.name) != 0) continue;
      if (!PyBool_Check(value)) {
        PyErr_Format(PyExc_TypeError, "config field '%s' must be a bool, not %.100s", field.name,
                     Py_TYPE(value)->tp_name);
        return py::Status::error;
      }
      config.*field.member = value == Py_True;
      return py::Status::ok;
    }
  }
  PyErr_Format(PyExc_ValueError, "unknown config field %R", name);
  return py::Status::error;
}

}  // namespace

py::Status apply_overrides(PyObject* overrides, Config& config) {
  PyObject *name, *value;
  Py_ssize_t position = 0;
  while (overrides && PyDict_Next(overrides, &position, &name, &value)) {
    if (py::failed(set_field(name, value, config))) return py::Status::error;
  }
  return py::Status::ok;
}

py::Ref config_to_python(const State& state, const Config& config) {
  const py::Ref fields = py::Ref::steal(PyDict_New());
  if (!fields) return {};
  for (const BoolField& field : bool_fields) {
    PyObject* value = config.*field.member ? Py_True : Py_False;
    if (PyDict_SetItemString(fields.get(), field.name, value) != 0) return {};
  }
  const py::Ref gil = py::Ref::steal(PyUnicode_FromString(to_string(config.gil).data()));
  if (!gil || PyDict_SetItemString(fields.get(), gil_field, gil.get()) != 0) return {};
  if (config.extensions != Extensions::declared) {
    const py::Ref way = py::Ref::steal(PyUnicode_FromString(to_string(config.extensions).data()));
    if (!way || PyDict_SetItemString(fields.get(), extensions_field, way.get()) != 0) return {};
  }
  const py::Ref none = py::Ref::steal(PyTuple_New(0));
  if (!none) return {};
  return py::Ref::steal(PyObject_Call(state.simple_namespace, none.get(), fields.get()));
}

py::Status config_from_python(const State& state, PyObject* object, Config& out) {
  if (!object || object == Py_None) {
    out = Config::isolated();
    out.extensions = Extensions::declared;
    return py::Status::ok;
  }
  if (PyUnicode_Check(object)) {
    const char* name = PyUnicode_AsUTF8(object);
    if (!name) return py::Status::error;
    try {
      out = Config::named(name);
    } catch (const ConfigError& error) {
      PyErr_SetString(PyExc_ValueError, error.what());
      return py::Status::error;
    }
    out.extensions = Extensions::declared;
    return py::Status::ok;
  }
  out.extensions = Extensions::declared;
  if (!Py_IS_TYPE(object, reinterpret_cast<PyTypeObject*>(state.simple_namespace))) {
    PyErr_Format(PyExc_TypeError, "bad config %R: expected None, a name, or a new_config() object",
                 object);
    return py::Status::error;
  }
  const py::Ref fields = py::Ref::steal(PyObject_GetAttrString(object, "__dict__"));
  if (!fields) return py::Status::error;
  if (PyDict_GET_SIZE(fields.get()) < field_count) {
    PyErr_Format(PyExc_ValueError, "config %R lacks fields: it has %zd of %zd", object,
                 PyDict_GET_SIZE(fields.get()), field_count);
    return py::Status::error;
  }
  return apply_overrides(fields.get(), out);
}

}  // namespace libatoll::bindings
