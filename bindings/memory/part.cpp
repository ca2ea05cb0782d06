#include "memory/part.hpp"

#include "memory/shared_array.hpp"
#include "memory/shared_buffer.hpp"
#include "support/module_contents.hpp"

namespace libatoll::bindings {

py::Status add_shared_memory(PyObject* module) {
  State& state = state_of(module);
  if (py::failed(add_part<MemoryPart>(state))) return py::Status::error;
  MemoryPart& part = shared_memory_of(state);
  if (py::failed(add_type(module, make_shared_buffer_type(module), part.shared_buffer_type)) ||
      py::failed(add_type(module, make_shared_array_type(module), part.shared_array_type)) ||
      py::failed(register_shared_buffer(state))) {
    return py::Status::error;
  }
  return register_shared_array(state);
}

}  // namespace libatoll::bindings
