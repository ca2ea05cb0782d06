#include "atoll/interpreter.hpp"

#include <string>

#include "api/process/inside.hpp"
#include "api/value/code.hpp"
#include "api/value/convert.hpp"
#include "atoll/error.hpp"
#include "runtime/interpreter/registry.hpp"
#include "runtime/process/lifecycle.hpp"

namespace libatoll {

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

namespace {

api::Arguments arguments_of(std::span<const Value> positional, const Dict& keywords) {
  api::Arguments arguments(positional.size() + keywords.size());
  for (std::size_t i = 0; i < positional.size(); ++i) {
    arguments.add(api::to_python(positional[i], "argument " + std::to_string(i + 1)));
  }
  for (const auto& [name, value] : keywords) {
    const std::string& text = api::argument_name(name);
    arguments.add(text, api::to_python(value, "argument " + text));
  }
  return arguments;
}

}  // namespace

void Interpreter::exec(std::string_view source, std::string_view filename) const {
  api::enter_and_run(*shared().record, [&] { api::execute(source, filename); });
}

Value Interpreter::eval(std::string_view expression) const {
  return api::enter_and_run(*shared().record, [&] {
    const py::Ref result = api::evaluate(expression);
    return api::from_python(result.get(), "result");
  });
}

Value Interpreter::invoke(std::string_view callable, std::span<const Value> args,
                          const Dict& keywords) const {
  return api::enter_and_run(*shared().record, [&] {
    const py::Ref function = api::find_callable(callable);
    const py::Ref result = arguments_of(args, keywords).pass_to(function);
    return api::from_python(result.get(), "result");
  });
}

Value Interpreter::call_with(std::string_view callable, const List& args,
                             const Dict& keywords) const {
  return invoke(callable, args, keywords);
}

void Interpreter::set(std::string_view name, const Value& value) const {
  api::enter_and_run(*shared().record, [&] {
    const py::Ref text = api::text_to_python(name, "name");
    const py::Ref object = api::to_python(value, name);
    api::check_status(PyDict_SetItem(api::main_namespace(), text.get(), object.get()));
  });
}

Value Interpreter::get(std::string_view name) const {
  return api::enter_and_run(*shared().record, [&] {
    const py::Ref text = api::text_to_python(name, "name");
    PyObject* found = PyDict_GetItemWithError(api::main_namespace(), text.get());
    if (!found) {
      if (!PyErr_Occurred()) PyErr_Format(PyExc_NameError, "name %R is not defined", text.get());
      throw api::PythonRaised();
    }
    return api::from_python(found, name);
  });
}

}  // namespace libatoll
