#include "travel/crossinterp.hpp"

#include <new>

#include "core/memory/message.hpp"
#include "transfer/context/context.hpp"
#include "transfer/cpython_modes.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::bindings {
namespace {

constexpr const char* capsule_name = "atoll.crossinterp_data";

void destroy(PyObject* capsule) {
  delete static_cast<core::Message*>(PyCapsule_GetPointer(capsule, capsule_name));
}

PyObject* get_crossinterp_data(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs < 1 || nargs > 2) {
    PyErr_SetString(PyExc_TypeError, "get_crossinterp_data() takes an object and a mode");
    return nullptr;
  }
  const char* const name = nargs == 2 && args[1] != Py_None ? PyUnicode_AsUTF8(args[1]) : "xidata";
  if (!name) return nullptr;
  const auto mode = transfer::parse_cross_mode(name);
  if (!mode) {
    PyErr_Format(PyExc_ValueError, "unsupported mode %R", args[1]);
    return nullptr;
  }
  auto* const message = new (std::nothrow) core::Message;
  if (!message) return PyErr_NoMemory();
  py::Ref capsule = py::Ref::steal(PyCapsule_New(message, capsule_name, destroy));
  if (!capsule) {
    delete message;
    return nullptr;
  }
  if (py::failed(transfer::encode_mode(transfer::current(), args[0], *mode, *message))) {
    return nullptr;
  }
  return capsule.release();
}

PyObject* restore_crossinterp_data(PyObject*, PyObject* data) {
  const auto* const message = static_cast<core::Message*>(PyCapsule_GetPointer(data, capsule_name));
  return message ? transfer::decode(transfer::current(), *message).release() : nullptr;
}

PyMethodDef methods[] = {
    {"get_crossinterp_data",
     reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(get_crossinterp_data)),
     METH_FASTCALL,
     "get_crossinterp_data(obj, mode='xidata', /)\n--\n\n"
     "Encode an object as it would travel to another interpreter, in one way only: xidata, pickle,\n"
     "marshal, code, func, script, script-pure or fallback. Raises NotShareableError."},
    {"restore_crossinterp_data", restore_crossinterp_data, METH_O,
     "restore_crossinterp_data(data, /)\n--\n\n"
     "The object that get_crossinterp_data() encoded, as a receiver gets it."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

py::Status add_crossinterp(PyObject* module) {
  return PyModule_AddFunctions(module, methods) == 0 ? py::Status::ok : py::Status::error;
}

}  // namespace libatoll::bindings
