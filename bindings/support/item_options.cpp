#include "support/item_options.hpp"

#include <utility>

namespace libatoll::bindings {

bool convert_policy(int flag, core::UnboundPolicy default_policy, core::UnboundPolicy& out) {
  if (flag < 0) {
    out = default_policy;
    return true;
  }
  if (flag > static_cast<int>(core::UnboundPolicy::unbound)) {
    PyErr_Format(PyExc_ValueError, "unsupported unboundop %d", flag);
    return false;
  }
  out = static_cast<core::UnboundPolicy>(flag);
  return true;
}

bool convert_fallback(int flag, std::int32_t default_fallback, std::int32_t& out) {
  if (flag > static_cast<int>(Fallback::pickle)) {
    PyErr_Format(PyExc_ValueError, "unsupported fallback %d", flag);
    return false;
  }
  out = flag < 0 ? default_fallback : flag;
  return true;
}

py::Status make_item(const State& state, PyObject* object, core::UnboundPolicy policy,
                     std::int32_t fallback, core::Item& out) {
  transfer::Context* const context = state.context();
  if (!context) return py::Status::error;
  out.interpreter = state.self->id();
  out.policy = policy;
  return transfer::encode(*context, object, mode_of(fallback), out.message);
}

PyObject* item_to_pair(const State& state, core::Item&& item) {
  py::Ref object, flag;
  if (item.is_unbound) {
    object = py::Ref::borrow(Py_None);
    flag = py::Ref::steal(PyLong_FromLong(static_cast<long>(item.policy)));
  } else {
    transfer::Context* const context = state.context();
    if (!context) return nullptr;
    object = transfer::decode(*context, std::move(item.message));
    flag = py::Ref::borrow(Py_None);
  }
  if (!object || !flag) return nullptr;
  return PyTuple_Pack(2, object.get(), flag.get());
}

}  // namespace libatoll::bindings
