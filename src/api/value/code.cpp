#include "api/value/code.hpp"

#include <algorithm>
#include <utility>

#include "api/process/inside.hpp"
#include "api/value/convert.hpp"

namespace libatoll::api {

PyObject* main_namespace() {
  PyObject* main = PyImport_AddModule("__main__");
  if (!main) throw PythonRaised();
  return PyModule_GetDict(main);
}

// --- text ----------------------------------------------------------------------------------------

namespace {

py::Ref compile(std::string_view source, std::string_view filename, int start) {
  if (source.find('\0') != source.npos) {
    PyErr_SetString(PyExc_SyntaxError, "source code cannot contain null characters");
    throw PythonRaised();
  }
  PyCompilerFlags flags = {};
  // The source is UTF-8 whatever it says itself.
  flags.cf_flags = PyCF_SOURCE_IS_UTF8 | PyCF_IGNORE_COOKIE;
  flags.cf_feature_version = PY_MINOR_VERSION;
  const py::Ref name = text_to_python(filename, "file name");
  const std::string text(source);
  return check_call(
      [&] { return Py_CompileStringObject(text.c_str(), name.get(), start, &flags, -1); });
}

py::Ref evaluate(const py::Ref& code) {
  PyObject* globals = main_namespace();
  return check_call([&] { return PyEval_EvalCode(code.get(), globals, globals); });
}

}  // namespace

void execute(std::string_view source, std::string_view filename) {
  const py::Ref result = evaluate(compile(source, filename, Py_file_input));
}

py::Ref evaluate(std::string_view expression) {
  // As eval() does.
  expression.remove_prefix(std::min(expression.find_first_not_of(" \t"), expression.size()));
  return evaluate(compile(expression, "<string>", Py_eval_input));
}

// --- names ---------------------------------------------------------------------------------------

namespace {

py::Ref attribute(const py::Ref& object, std::string_view name) {
  const py::Ref text = text_to_python(name, "name");
  return check_call([&] { return PyObject_GetAttr(object.get(), text.get()); });
}

/// What `name` means in `__main__`.
py::Ref look_up(std::string_view name) {
  const py::Ref text = text_to_python(name, "name");
  for (PyObject* names : {main_namespace(), PyEval_GetBuiltins()}) {
    if (PyObject* found = PyDict_GetItemWithError(names, text.get())) {
      return py::Ref::borrow(found);
    }
    if (PyErr_Occurred()) throw PythonRaised();
  }
  PyErr_Format(PyExc_NameError, "name %R is not defined", text.get());
  throw PythonRaised();
}

py::Ref import(std::string_view name) {
  const py::Ref text = text_to_python(name, "module name");
  // That returns the outermost package; the module itself is known by then.
  const py::Ref outer = check_call(
      [&] { return PyImport_ImportModuleLevelObject(text.get(), nullptr, nullptr, nullptr, 0); });
  if (PyObject* module = PyImport_GetModule(text.get())) return py::Ref::steal(module);
  if (!PyErr_Occurred()) {
    PyErr_Format(PyExc_ModuleNotFoundError, "No module named %R", text.get());
  }
  throw PythonRaised();
}

/// Takes what is in front of the next `separator` off `text`.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view head = text.substr(0, at);
  text.remove_prefix(at == text.npos ? text.size() : at + 1);
  return head;
}

}  // namespace

py::Ref find_callable(std::string_view name) {
  py::Ref found;
  std::string_view rest = name;
  if (name.find(':') != name.npos) {
    found = import(take_until(rest, ':'));
    found = attribute(found, take_until(rest, '.'));
  } else {
    found = look_up(take_until(rest, '.'));
  }
  while (!rest.empty()) found = attribute(found, take_until(rest, '.'));
  return found;
}

const std::string& argument_name(const Value& key) {
  const auto* const text = key.get_if<std::string>();
  if (!text) detail::throw_wrong_kind(key, "str, as the name of an argument");
  return *text;
}

// --- calls ---------------------------------------------------------------------------------------

Arguments::Arguments(std::size_t count) {
  owned_.reserve(count);
  pointers_.reserve(count + 1);
  pointers_.push_back(nullptr);
}

void Arguments::add(py::Ref value) {
  pointers_.push_back(value.get());
  owned_.push_back(std::move(value));
  ++positional_;
}

void Arguments::add(std::string_view name, py::Ref value) {
  names_.push_back(text_to_python(name, "argument name"));
  pointers_.push_back(value.get());
  owned_.push_back(std::move(value));
}

py::Ref Arguments::pass_to(const py::Ref& callable) {
  py::Ref names;
  if (!names_.empty()) {
    names = check(PyTuple_New(static_cast<Py_ssize_t>(names_.size())));
    for (std::size_t i = 0; i < names_.size(); ++i) {
      PyTuple_SET_ITEM(names.get(), static_cast<Py_ssize_t>(i), Py_NewRef(names_[i].get()));
    }
  }
  return check_call([&] {
    return PyObject_Vectorcall(callable.get(), pointers_.data() + 1,
                               positional_ | PY_VECTORCALL_ARGUMENTS_OFFSET, names.get());
  });
}

}  // namespace libatoll::api
