// atoll.register() and atoll.unregister().
#include "travel/registry.hpp"

#include "support/fast_arguments.hpp"
#include "support/state.hpp"
#include "transfer/classes/registered_types.hpp"

namespace libatoll::bindings {

namespace {

constexpr const char* register_names[] = {"type", "encode", "decode"};
constexpr Signature register_signature = {"register", register_names, 3, 3, 3};

PyObject* register_type(PyObject* module, PyObject* const* args, Py_ssize_t nargs,
                        PyObject* kwnames) {
  PyObject* given[3] = {};
  if (!parse_fast(register_signature, args, nargs, kwnames, given)) return nullptr;
  transfer::Context* const context = state_of(module).context();
  if (!context || py::failed(transfer::register_type(*context, given[0], given[1], given[2]))) {
    return nullptr;
  }
  Py_RETURN_NONE;
}

PyObject* unregister_type(PyObject* module, PyObject* type) {
  transfer::Context* const context = state_of(module).context();
  if (!context || py::failed(transfer::unregister_type(*context, type))) return nullptr;
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"register", as_method(register_type), METH_FASTCALL | METH_KEYWORDS,
     "register($module, /, type, encode, decode)\n--\n\n"
     "Tell how the instances of a class travel from this interpreter to others.\n\n"
     "encode(object) returns a value that can be sent; decode(value) makes the object of it in the\n"
     "receiver. decode travels along, by name if it can be imported, so that the receiver need not\n"
     "register anything. Holds for exact instances, not for those of subclasses. Registering a\n"
     "class again replaces what was told. Raises ValueError for a type that travels natively."},
    {"unregister", unregister_type, METH_O,
     "unregister($module, type, /)\n--\n\n"
     "Take back register(); KeyError if the class is not registered here."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

py::Status add_registry(PyObject* module) {
  return PyModule_AddFunctions(module, functions) == 0 ? py::Status::ok : py::Status::error;
}

}  // namespace libatoll::bindings
