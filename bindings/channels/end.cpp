#include "channels/end.hpp"

#include <functional>
#include <limits>

#include "channels/errors.hpp"
#include "channels/part.hpp"

namespace libatoll::bindings {

using core::Channel;
using core::End;

py::Ref make_end(State& state, const core::Handle<core::ChannelEnds>& ends, End end) {
  auto ref = core::EndRef::make(ends, end, state.self->id());
  if (!ref) {
    PyErr_NoMemory();
    return {};
  }
  PyTypeObject* type =
      end == End::sending ? channels_of(state).sender_type : channels_of(state).receiver_type;
  py::Ref object = py::Ref::steal(type->tp_alloc(type, 0));
  if (!object) return {};
  EndObject& self = end_of(object.get());
  self.ref = ref.release();
  self.state = &state;
  return object;
}

const char* kind_of(const EndObject& end) noexcept {
  return end.ref->end() == End::sending ? "Sender" : "Receiver";
}

Blocked block_on_end(EndObject& end, core::Operation& operation, core::Deadline deadline) {
  CancelToken token;
  const core::EndRef::Use use(*end.ref, token);
  return block_on(*end.state, operation, deadline, &token);
}

// --- slots ---------------------------------------------------------------------------------------

void end_dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  EndObject& self = end_of(object);
  if (self.weakrefs) PyObject_ClearWeakRefs(object);
  delete self.ref;
  type->tp_free(object);
  Py_DECREF(type);
}

PyObject* end_repr(PyObject* object) {
  const EndObject& self = end_of(object);
  return PyUnicode_FromFormat(
      "<atoll.%s of %s %llu%s>", kind_of(self), self.channel() ? "channel" : "timer",
      static_cast<unsigned long long>(self.ends().number()), self.is_open() ? "" : ", closed");
}

/// All clones of an end are equal.
Py_hash_t end_hash(PyObject* object) {
  const EndObject& self = end_of(object);
  const auto value = static_cast<Py_hash_t>(std::hash<std::uint64_t>()(self.ends().number() * 2) +
                                            (self.ref->end() == End::sending ? 1 : 0));
  return value == -1 ? -2 : value;
}

PyObject* end_compare(PyObject* object, PyObject* other, int op) {
  if ((op != Py_EQ && op != Py_NE) || !Py_IS_TYPE(other, Py_TYPE(object))) {
    Py_RETURN_NOTIMPLEMENTED;
  }
  const bool equal = &end_of(object).ends() == &end_of(other).ends();
  return PyBool_FromLong(equal == (op == Py_EQ));
}

Py_ssize_t end_length(PyObject* object) {
  const EndObject& self = end_of(object);
  if (const Channel* channel = self.channel()) return static_cast<Py_ssize_t>(channel->count());
  return self.timer()->next().is_over() ? 1 : 0;
}

int end_is_true(PyObject*) {
  return 1;
}

// --- methods -------------------------------------------------------------------------------------

PyObject* end_clone(PyObject* object, PyObject*) {
  const EndObject& self = end_of(object);
  if (!self.is_open()) return raise_own_end_closed(self);
  return make_end(*self.state, self.ref->ends(), self.ref->end()).release();
}

PyObject* end_close(PyObject* object, PyObject*) {
  end_of(object).ref->close();
  Py_RETURN_NONE;
}

PyObject* end_enter(PyObject* object, PyObject*) {
  const EndObject& self = end_of(object);
  return self.is_open() ? Py_NewRef(object) : raise_own_end_closed(self);
}

PyObject* end_exit(PyObject* object, PyObject* const*, Py_ssize_t) {
  return end_close(object, nullptr);
}

PyObject* end_capacity(PyObject* object, void*) {
  const EndObject& self = end_of(object);
  if (self.timer()) return PyLong_FromLong(1);
  const std::size_t capacity = self.channel()->capacity();
  if (capacity == Channel::unbounded) Py_RETURN_NONE;
  return PyLong_FromSize_t(capacity);
}

PyObject* end_closed(PyObject* object, void*) {
  const EndObject& self = end_of(object);
  if (!self.is_open()) Py_RETURN_TRUE;
  if (const core::Timer* timer = self.timer()) return PyBool_FromLong(timer->is_over());
  const Channel::State state = self.channel()->state();
  const bool is_over = self.ref->end() == End::sending ? state != Channel::State::open
                                                       : state == Channel::State::closed;
  return PyBool_FromLong(is_over);
}

}  // namespace libatoll::bindings
