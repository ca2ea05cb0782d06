// Functions by value and by name, classes and builtins by name, code objects by record.
#include "transfer/code/functions.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/encode/encoder.hpp"
#include "transfer/encode/simple.hpp"
#include "transfer/main/names.hpp"
#include "transfer/modules/module_files.hpp"
#include "transfer/stdlib/python_datetime.hpp"

namespace libatoll::transfer {

using wire::Op;

// PEP 734's order for what is sent on its own, or in nothing but tuples: a stateless function goes
// by value, and its copy lives in the receiver's `__main__`. Inside other containers the order is
// pickle's: by name where there is one. The rule looks at the function's own code only; one whose
// inner functions or comprehensions need its module's globals would find none in the receiver, so
// it goes by name, too, if it has one.
Encoder::Step Encoder::put_callable(PyObject* object) {
  const py::Ref kept = py::Ref::borrow(object);
  may_run_python();
#if ATOLL_DATETIME_MAY_BE_PYTHON
  align_python_datetime(context_.impl().stdlib_types.python_datetime);
#endif
  const bool function = Py_TYPE(object) == &PyFunction_Type;
  bool value_first = non_tuple_depth_ == 0;
  const char* why = nullptr;
  if (function && inner_code_uses_globals(context_, object) != Answer::no) {
    if (PyErr_Occurred()) return Step::error;
    const Step step = put_global(object);
    // Without a name the value has to do, unless somebody else can send the globals along.
    if (step != Step::refused || mode_ == Mode::any_by_value) {
      if (step == Step::refused) culprit_ = py::Ref::borrow(object);
      return step;
    }
    value_first = true;
  }
  if (function && value_first) {
    const Answer answer = is_stateless(context_, object, why);
    if (answer == Answer::error) return Step::error;
    if (answer == Answer::yes) return put_stateless(object);
  }
  if (const Step step = put_global(object); step != Step::refused) return step;
  if (function && !value_first) {
    const Answer answer = is_stateless(context_, object, why);
    if (answer == Answer::error) return Step::error;
    if (answer == Answer::yes) return put_stateless(object);
  }
  culprit_ = py::Ref::borrow(object);
  return Step::refused;
}

Encoder::Step Encoder::put_stateless(PyObject* object) {
  std::uint8_t flag;
  if (seen(object, flag)) return Step::done;
  auto* const function = reinterpret_cast<PyFunctionObject*>(object);
  auto* const code = reinterpret_cast<PyCodeObject*>(function->func_code);
  core::Handle<CodeRecord> record = record_of(context_, function->func_code);
  if (!record) return Step::error;
  writer_.op(Op::function, flag);
  writer_.size(attach(std::move(record)));
  // The code has its own names; only a renamed function needs them told.
  const auto name = [this](PyObject* actual, PyObject* own) {
    if (actual == own || !PyUnicode_CheckExact(actual)) {
      writer_.op(Op::none);
    } else {
      put_str(actual);
    }
  };
  name(function->func_name, code->co_name);
  name(function->func_qualname, code->co_qualname);
  return Step::done;
}

Encoder::Step Encoder::put_global(PyObject* object) {
  GlobalName name;
  if (!find_global_name(context_, object, name)) return Step::refused;
  std::uint8_t flag;
  return seen(object, flag) ? Step::done : write_name(object, name, flag);
}

Encoder::Step Encoder::write_global(PyObject* object, std::uint8_t flag) {
  GlobalName name;
  return find_global_name(context_, object, name) ? write_name(object, name, flag) : refuse(object);
}

Encoder::Step Encoder::write_name(PyObject* object, const GlobalName& name, std::uint8_t flag) {
  if (!name.in_main) {
    note_module_file(context_, name.module);
    writer_.op(Op::global, flag);
    // Not noted: these texts may live no longer than `name`.
    put_text(name.module);
    put_text(name.qualname);
    return Step::done;
  }
  const py::Ref kept = py::Ref::borrow(object);
  may_run_python();
  const char* const qualname = PyUnicode_AsUTF8(name.qualname);
  MainSpace* const space = qualname ? context_.impl().mains.find(context_, name.home) : nullptr;
  if (!space) return Step::error;
  const std::string root(root_of(qualname));
  const auto index = refer(*space, {&root, 1});
  if (!index) {
    culprit_ = kept;
    return Step::error;
  }
  writer_.op(Op::main_global, flag);
  put_text(name.qualname);
  writer_.size(*index);
  return Step::done;
}

std::optional<std::size_t> Encoder::refer(MainSpace& space, std::span<const std::string> names) {
  if (collected_ == &space) {
    needs_->insert(needs_->end(), names.begin(), names.end());
    return 0;
  }
  auto snapshot = context_.impl().mains.snapshot(context_, space, names);
  if (!snapshot) return std::nullopt;
  return attach(std::move(snapshot)) + 1;
}

void Encoder::record(core::Handle<CodeRecord> record) {
  writer_.op(Op::code);
  writer_.size(attach(std::move(record)));
}

}  // namespace libatoll::transfer
