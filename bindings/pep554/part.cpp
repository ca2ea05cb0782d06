#include "pep554/part.hpp"

#include "pep554/channel_errors.hpp"
#include "pep554/channel_id_type.hpp"
#include "pep554/channel_info.hpp"
#include "pep554/channel_travel.hpp"
#include "pep554/lowlevel.hpp"
#include "support/module_contents.hpp"

namespace libatoll::bindings {

py::Status add_pep554(PyObject* module) {
  State& state = state_of(module);
  if (py::failed(add_part<Pep554Part>(state)) || py::failed(add_channel_errors(module)) ||
      py::failed(add_type(module, make_channel_id_type(module), pep554_of(state).id_type)) ||
      py::failed(add_type(module, make_channel_info_type(module), pep554_of(state).info_type)) ||
      py::failed(register_channel_id_type(state))) {
    return py::Status::error;
  }
  return add_namespace(module, "channels", "atoll.lowlevel.channels", lowlevel_channels_methods);
}

}  // namespace libatoll::bindings
