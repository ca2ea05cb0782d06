#include "atoll/interpreter.hpp"

#include <algorithm>

#include "api/convert.hpp"
#include "api/inside.hpp"
#include "atoll/error.hpp"
#include "runtime/lifecycle.hpp"
#include "runtime/registry.hpp"

namespace libatoll {

using api::check_call;
using api::Process;
using runtime::InterpreterHandle;
using runtime::Registry;
namespace lifecycle = runtime::lifecycle;

static_assert(static_cast<int>(Whence::runtime) == static_cast<int>(runtime::Whence::runtime));
static_assert(static_cast<int>(Whence::stdlib) == static_cast<int>(runtime::Whence::stdlib));

/// What all copies of a handle share: one reference of the runtime's bookkeeping.
struct Interpreter::Shared {
  Shared(InterpreterHandle handle, bool implies_link) : record(std::move(handle)) {
    if (record->is_own()) record->incref(implies_link);
  }
  ~Shared() {
    if (!record->is_own()) return;
    try {
      const Process::Use use(Process::Need::other);
      lifecycle::release_reference(*record);
    } catch (const std::exception&) {
      // CPython is being ended, which closes the interpreter. If it cannot be ended, this is due
      // then.
      if (record->decref()) record->close_when_idle();
    }
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  const InterpreterHandle record;
};

namespace {

// --- inside a session ----------------------------------------------------------------------------

/// `__main__.__dict__`, borrowed.
PyObject* main_namespace() {
  PyObject* main = PyImport_AddModule("__main__");
  if (!main) throw api::PythonRaised();
  return PyModule_GetDict(main);
}

py::Ref compile(std::string_view source, std::string_view filename, int start) {
  if (source.find('\0') != source.npos) {
    PyErr_SetString(PyExc_SyntaxError, "source code cannot contain null characters");
    throw api::PythonRaised();
  }
  PyCompilerFlags flags = {};
  // The source is UTF-8 whatever it says itself.
  flags.cf_flags = PyCF_SOURCE_IS_UTF8 | PyCF_IGNORE_COOKIE;
  flags.cf_feature_version = PY_MINOR_VERSION;
  const py::Ref name = api::text_to_python(filename, "file name");
  const std::string text(source);
  return check_call(
      [&] { return Py_CompileStringObject(text.c_str(), name.get(), start, &flags, -1); });
}

py::Ref evaluate(const py::Ref& code) {
  PyObject* globals = main_namespace();
  return check_call([&] { return PyEval_EvalCode(code.get(), globals, globals); });
}

py::Ref attribute(const py::Ref& object, std::string_view name) {
  const py::Ref text = api::text_to_python(name, "name");
  return check_call([&] { return PyObject_GetAttr(object.get(), text.get()); });
}

/// What `name` means in `__main__`.
py::Ref look_up(std::string_view name) {
  const py::Ref text = api::text_to_python(name, "name");
  for (PyObject* names : {main_namespace(), PyEval_GetBuiltins()}) {
    if (PyObject* found = PyDict_GetItemWithError(names, text.get())) {
      return py::Ref::borrow(found);
    }
    if (PyErr_Occurred()) throw api::PythonRaised();
  }
  PyErr_Format(PyExc_NameError, "name %R is not defined", text.get());
  throw api::PythonRaised();
}

py::Ref import(std::string_view name) {
  const py::Ref text = api::text_to_python(name, "module name");
  // That returns the outermost package; the module itself is known by then.
  const py::Ref outer = check_call(
      [&] { return PyImport_ImportModuleLevelObject(text.get(), nullptr, nullptr, nullptr, 0); });
  if (PyObject* module = PyImport_GetModule(text.get())) return py::Ref::steal(module);
  if (!PyErr_Occurred()) {
    PyErr_Format(PyExc_ModuleNotFoundError, "No module named %R", text.get());
  }
  throw api::PythonRaised();
}

/// Takes what is in front of the next `separator` off `text`.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view head = text.substr(0, at);
  text.remove_prefix(at == text.npos ? text.size() : at + 1);
  return head;
}

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

/// The arguments of a vectorcall, in one array.
class Arguments {
 public:
  Arguments(std::span<const Value> positional, const Dict& keywords) : nargs_(positional.size()) {
    owned_.reserve(positional.size() + keywords.size());
    for (std::size_t i = 0; i < positional.size(); ++i) {
      owned_.push_back(api::to_python(positional[i], "argument " + std::to_string(i + 1)));
    }
    if (!keywords.empty()) add(keywords);
    pointers_.reserve(owned_.size() + 1);
    pointers_.push_back(nullptr);  // for PY_VECTORCALL_ARGUMENTS_OFFSET
    for (const py::Ref& object : owned_) pointers_.push_back(object.get());
  }

  [[nodiscard]] py::Ref pass_to(const py::Ref& callable) {
    return check_call([&] {
      return PyObject_Vectorcall(callable.get(), pointers_.data() + 1,
                                 nargs_ | PY_VECTORCALL_ARGUMENTS_OFFSET, names_.get());
    });
  }

 private:
  void add(const Dict& keywords) {
    List names;
    names.reserve(keywords.size());
    for (const auto& [name, value] : keywords) {
      const auto* text = name.get_if<std::string>();
      if (!text) detail::throw_wrong_kind(name, "str, as the name of an argument");
      owned_.push_back(api::to_python(value, "argument " + *text));
      names.push_back(name);
    }
    names_ = api::to_python(Tuple(std::move(names)), "argument names");
  }

  std::size_t nargs_;
  std::vector<py::Ref> owned_;
  std::vector<PyObject*> pointers_;
  py::Ref names_;
};

}  // namespace

// --- handles -------------------------------------------------------------------------------------

Interpreter::Interpreter(std::shared_ptr<const Shared> shared) noexcept
    : shared_(std::move(shared)) {}

const Interpreter::Shared& Interpreter::shared() const {
  if (!shared_) throw InterpreterError("this handle was moved from");
  return *shared_;
}

Interpreter Interpreter::create(const Config& config, const InterpreterOptions& options) {
  const Process::Use use;
  return Interpreter(std::make_shared<Shared>(
      lifecycle::create({.config = config, .inherit_path = options.inherit_path}), true));
}

Interpreter Interpreter::main() {
  const Process::Use use;
  return Interpreter(std::make_shared<Shared>(Registry::instance().main(), false));
}

Interpreter Interpreter::current() {
  const Process::Use use;
  if (!py::attached_thread_state()) {
    throw InterpreterError("the calling thread is in no interpreter");
  }
  return Interpreter(std::make_shared<Shared>(Registry::instance().current(), false));
}

std::vector<Interpreter> Interpreter::list_all() {
  const Process::Use use;
  std::vector<Interpreter> out;
  for (InterpreterHandle& record : Registry::instance().list()) {
    out.push_back(Interpreter(std::make_shared<Shared>(std::move(record), false)));
  }
  return out;
}

Interpreter Interpreter::from_id(std::int64_t id) {
  const Process::Use use;
  return Interpreter(std::make_shared<Shared>(Registry::instance().find(id), false));
}

std::int64_t Interpreter::id() const noexcept {
  return shared_ ? shared_->record->id() : -1;
}

Whence Interpreter::whence() const noexcept {
  return shared_ ? static_cast<Whence>(shared_->record->whence()) : Whence::unknown;
}

const Config& Interpreter::config() const noexcept {
  static const Config none = Config::empty();
  return shared_ ? shared_->record->config() : none;
}

bool Interpreter::is_running() const noexcept {
  return shared_ && !shared_->record->is_closed() && shared_->record->is_running();
}

bool Interpreter::is_closed() const noexcept {
  return !shared_ || shared_->record->is_closed();
}

bool operator==(const Interpreter& a, const Interpreter& b) noexcept {
  if (!a.shared_ || !b.shared_) return a.shared_ == b.shared_;
  return a.shared_->record == b.shared_->record;
}

void Interpreter::close() const {
  if (is_closed()) throw InterpreterNotFoundError(shared().record->id());
  const Process::Use use(Process::Need::other);
  lifecycle::close(*shared().record);
}

// --- running code --------------------------------------------------------------------------------

void Interpreter::exec(std::string_view source, std::string_view filename) const {
  api::run_inside(*shared().record, [&] {
    const py::Ref result = evaluate(compile(source, filename, Py_file_input));
  });
}

Value Interpreter::eval(std::string_view expression) const {
  return api::run_inside(*shared().record, [&] {
    // As eval() does.
    expression.remove_prefix(std::min(expression.find_first_not_of(" \t"), expression.size()));
    const py::Ref result = evaluate(compile(expression, "<string>", Py_eval_input));
    return api::from_python(result.get(), "result");
  });
}

Value Interpreter::invoke(std::string_view callable, std::span<const Value> args,
                          const Dict& keywords) const {
  return api::run_inside(*shared().record, [&] {
    const py::Ref function = find_callable(callable);
    const py::Ref result = Arguments(args, keywords).pass_to(function);
    return api::from_python(result.get(), "result");
  });
}

Value Interpreter::call_with(std::string_view callable, const List& args,
                             const Dict& keywords) const {
  return invoke(callable, args, keywords);
}

void Interpreter::set(std::string_view name, const Value& value) const {
  api::run_inside(*shared().record, [&] {
    const py::Ref text = api::text_to_python(name, "name");
    const py::Ref object = api::to_python(value, name);
    api::check_status(PyDict_SetItem(main_namespace(), text.get(), object.get()));
  });
}

Value Interpreter::get(std::string_view name) const {
  return api::run_inside(*shared().record, [&] {
    const py::Ref text = api::text_to_python(name, "name");
    PyObject* found = PyDict_GetItemWithError(main_namespace(), text.get());
    if (!found) {
      if (!PyErr_Occurred()) PyErr_Format(PyExc_NameError, "name %R is not defined", text.get());
      throw api::PythonRaised();
    }
    return api::from_python(found, name);
  });
}

}  // namespace libatoll
