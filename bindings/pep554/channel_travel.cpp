#include "pep554/channel_travel.hpp"

#include <mutex>
#include <set>
#include <string>

#include "core/registry/in_transit.hpp"
#include "pep554/channel_errors.hpp"
#include "pep554/channel_id_type.hpp"
#include "pep554/part.hpp"
#include "transfer/classes/extension_types.hpp"

namespace libatoll::bindings {

namespace {

using transfer::ExtensionValue;
using transfer::Tag;

/// What a ChannelID is on its way: its end, and the hold on the channel, if there is one.
class IdInTransit final : public core::Object {
 public:
  IdInTransit(core::End end, core::Handle<core::ChannelInTransit> channel) noexcept
      : end_(end), channel_(std::move(channel)) {}
  [[nodiscard]] core::End end() const noexcept { return end_; }

 private:
  ~IdInTransit() override = default;

  const core::End end_;
  const core::Handle<core::ChannelInTransit> channel_;
};

py::Status encode_name(const State& state, const ChannelName& name, ExtensionValue& out) {
  core::Status status{};
  auto channel = core::ChannelInTransit::make(name.id, status);
  if (status == core::Status::no_memory) {
    raise_channel_error(state, name.id, status);
    return py::Status::error;
  }
  auto* object = new (std::nothrow) IdInTransit(name.end, std::move(channel));
  if (!object) {
    PyErr_NoMemory();
    return py::Status::error;
  }
  out.object = core::Handle<IdInTransit>::adopt(object);
  out.number = static_cast<std::uint64_t>(name.id);
  return py::Status::ok;
}

py::Status encode_id(PyObject* object, ExtensionValue& out) {
  const State* state = state_of_type(Py_TYPE(object));
  ChannelName name;
  if (!state || !convert_channel_name(*state, object, name)) return py::Status::error;
  return encode_name(*state, name, out);
}

py::Ref decode_id(PyObject* type, const ExtensionValue& value) {
  State* state = state_of_type(reinterpret_cast<PyTypeObject*>(type));
  if (!state) return {};
  const auto* name = dynamic_cast<const IdInTransit*>(value.object.get());
  return make_channel_id(*state, static_cast<std::int64_t>(value.number),
                         name ? name->end() : core::End::both, true);
}

py::Status encode_end(PyObject* object, ExtensionValue& out) {
  const State* state = current_state();
  const py::Ref id = py::Ref::steal(state ? PyObject_GetAttrString(object, "id") : nullptr);
  if (!id) return py::Status::error;
  if (!Py_IS_TYPE(id.get(), pep554_of(*state).id_type)) {
    PyErr_Format(PyExc_TypeError, "the id of a channel end must be a ChannelID, not %.100s",
                 Py_TYPE(id.get())->tp_name);
    return py::Status::error;
  }
  ChannelName name;
  if (!convert_channel_name(*state, id.get(), name)) return py::Status::error;
  return encode_name(*state, name, out);
}

py::Ref decode_end(PyObject* type, const ExtensionValue& value) {
  return py::Ref::steal(PyObject_CallFunction(type, "L", static_cast<long long>(value.number)));
}

/// The name of the module of `type`, which stays in memory for good; null if it has none.
const char* module_name_of(PyObject* type) {
  const py::Ref module = py::Ref::steal(PyObject_GetAttrString(type, "__module__"));
  const char* text =
      module && PyUnicode_Check(module.get()) ? PyUnicode_AsUTF8(module.get()) : nullptr;
  if (!text || std::string_view(text) == "__main__") {
    PyErr_Clear();
    return nullptr;
  }
  // Receivers look at it at any time; there are as many as there are modules with channel classes.
  static std::mutex mutex;
  static auto* const names = new std::set<std::string>;
  const std::lock_guard lock(mutex);
  return names->emplace(text).first->c_str();
}

py::Status register_end_type(const State& state, PyObject* type, Tag tag) {
  transfer::Context* const context = state.context();
  if (!context) return py::Status::error;
  if (const char* home = module_name_of(type)) transfer::set_extension_home(tag, home);
  return transfer::register_extension_type(*context, type, {tag, true, encode_end, decode_end});
}

}  // namespace

py::Status register_channel_id_type(const State& state) {
  transfer::Context* const context = state.context();
  if (!context) return py::Status::error;
  transfer::set_extension_home(Tag::channel_id, "atoll._atoll");
  return transfer::register_extension_type(*context,
                                           reinterpret_cast<PyObject*>(pep554_of(state).id_type),
                                           {Tag::channel_id, true, encode_id, decode_id});
}

py::Status register_end_types(const State& state, PyObject* send_type, PyObject* receive_type) {
  if (py::failed(register_end_type(state, send_type, Tag::send_end))) return py::Status::error;
  return register_end_type(state, receive_type, Tag::receive_end);
}

}  // namespace libatoll::bindings
