#include "pep554/channel_id_type.hpp"

#include "core/registry/registry.hpp"
#include "pep554/channel_errors.hpp"
#include "pep554/part.hpp"
#include "support/id_argument.hpp"

namespace libatoll::bindings {

namespace {

using core::End;

struct ChannelIdObject {
  PyObject_HEAD
  std::int64_t id;
  State* state;  ///< of the module of the type; the collector does not see that we keep the type
  End end;
  bool is_bound;
};

ChannelIdObject& self_of(PyObject* object) {
  return *reinterpret_cast<ChannelIdObject*>(object);
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  const ChannelIdObject& self = self_of(object);
  if (self.is_bound) (void)core::channels().release(self.id, self.state->self->id());
  type->tp_free(object);
  Py_DECREF(type);
}

PyObject* as_int(PyObject* object) {
  return PyLong_FromLongLong(self_of(object).id);
}

PyObject* repr(PyObject* object) {
  const ChannelIdObject& self = self_of(object);
  const char* end = "";
  if (self.end == End::sending) end = ", send=True";
  if (self.end == End::receiving) end = ", recv=True";
  return PyUnicode_FromFormat("ChannelID(%lld%s)", static_cast<long long>(self.id), end);
}

PyObject* str(PyObject* object) {
  return PyUnicode_FromFormat("%lld", static_cast<long long>(self_of(object).id));
}

Py_hash_t hash(PyObject* object) {
  const py::Ref number = py::Ref::steal(as_int(object));
  return number ? PyObject_Hash(number.get()) : -1;
}

/// Equal to the same end of the same channel, and to its number.
PyObject* compare(PyObject* object, PyObject* other, int op) {
  if (op != Py_EQ && op != Py_NE) Py_RETURN_NOTIMPLEMENTED;
  const ChannelIdObject& self = self_of(object);
  if (Py_IS_TYPE(other, Py_TYPE(object))) {
    const bool equal = self.id == self_of(other).id && self.end == self_of(other).end;
    return PyBool_FromLong(equal == (op == Py_EQ));
  }
  if (!PyLong_Check(other) && !PyFloat_Check(other)) Py_RETURN_NOTIMPLEMENTED;
  const py::Ref number = py::Ref::steal(as_int(object));
  return number ? PyObject_RichCompare(number.get(), other, op) : nullptr;
}

PyObject* get_end(PyObject* object, void*) {
  switch (self_of(object).end) {
    case End::sending:
      return PyUnicode_FromString("send");
    case End::receiving:
      return PyUnicode_FromString("recv");
    case End::both:
      break;
  }
  return PyUnicode_FromString("both");
}

PyObject* for_end(PyObject* object, End end) {
  const ChannelIdObject& self = self_of(object);
  if (self.end == end) return Py_NewRef(object);
  return make_channel_id(*self.state, self.id, end, true).release();
}

PyObject* get_send(PyObject* object, void*) {
  return for_end(object, End::sending);
}
PyObject* get_recv(PyObject* object, void*) {
  return for_end(object, End::receiving);
}

PyGetSetDef attributes[] = {
    {"end", get_end, nullptr, "'send', 'recv' or 'both'.", nullptr},
    {"send", get_send, nullptr, "The id of the sending end.", nullptr},
    {"recv", get_recv, nullptr, "The id of the receiving end.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_tp_repr, reinterpret_cast<void*>(repr)},
    {Py_tp_str, reinterpret_cast<void*>(str)},
    {Py_tp_hash, reinterpret_cast<void*>(hash)},
    {Py_tp_richcompare, reinterpret_cast<void*>(compare)},
    {Py_tp_getset, attributes},
    {Py_nb_int, reinterpret_cast<void*>(as_int)},
    {Py_nb_index, reinterpret_cast<void*>(as_int)},
    {Py_tp_doc, const_cast<char*>("Names a channel; may be used as an int.")},
    {0, nullptr},
};

PyType_Spec spec = {
    "atoll.lowlevel.channels.ChannelID",
    sizeof(ChannelIdObject),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

}  // namespace

PyTypeObject* make_channel_id_type(PyObject* module) {
  return reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
}

py::Ref make_channel_id(State& state, std::int64_t id, End end, bool force) {
  PyTypeObject* type = pep554_of(state).id_type;
  py::Ref object = py::Ref::steal(type->tp_alloc(type, 0));
  if (!object) return {};
  ChannelIdObject& self = self_of(object.get());
  self.id = id;
  self.end = end;
  self.state = &state;
  const core::Status status = core::channels().bind(id, state.self->id());
  self.is_bound = status == core::Status::ok;
  if (self.is_bound || (force && status == core::Status::not_found)) return object;
  raise_channel_error(state, id, status);
  return {};
}

bool convert_channel_name(const State& state, PyObject* object, ChannelName& out) {
  if (Py_IS_TYPE(object, pep554_of(state).id_type)) {
    const ChannelIdObject& self = self_of(object);
    out = {self.id, self.end};
    return true;
  }
  out.end = End::both;
  return convert_id(object, "channel", out.id);
}

}  // namespace libatoll::bindings
