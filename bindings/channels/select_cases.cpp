#include "channels/select_cases.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "channels/errors.hpp"
#include "channels/part.hpp"
#include "channels/receiver.hpp"
#include "channels/sender.hpp"
#include "pools/future_type.hpp"
#include "queues/part.hpp"
#include "queues/queue_type.hpp"
#include "runtime/pool/pool.hpp"

namespace libatoll::bindings {

using core::Status;

namespace {

/// For a future that has failed before there was a task.
core::Handle<core::Task> over_task() {
  auto event = core::Handle<runtime::Event>::make();
  event->set();
  return event;
}

}  // namespace

bool SelectCase::recognise(const State& state, PyObject* given, Py_ssize_t index) {
  if (given == Py_None) return true;
  if (Py_IS_TYPE(given, channels_of(state).receiver_type)) {
    kind_ = Kind::receive;
    channel_ = given;
    return true;
  }
  if (PyObject_TypeCheck(given, queues_of(state).type)) {
    kind_ = Kind::get;
    channel_ = given;
    return true;
  }
  if (is_future(state, given)) {
    kind_ = Kind::future;
    channel_ = given;
    return true;
  }
  if (PyTuple_CheckExact(given) && PyTuple_GET_SIZE(given) == 2 &&
      Py_IS_TYPE(PyTuple_GET_ITEM(given, 0), channels_of(state).sender_type)) {
    kind_ = Kind::send;
    channel_ = PyTuple_GET_ITEM(given, 0);
    value_ = PyTuple_GET_ITEM(given, 1);
    return true;
  }
  PyErr_Format(
      PyExc_TypeError,
      "case %zd of select() must be a Receiver, a Queue, a Future, a tuple (Sender, value) or "
      "None, not %.200s",
      index, Py_TYPE(given)->tp_name);
  return false;
}

bool SelectCase::prepare(const State& state) {
  switch (kind_) {
    case Kind::never:
      return true;
    case Kind::get:
      operation_.emplace<core::Receive>(queue_behind(channel_));
      return true;
    case Kind::future:
      task_ = core::Handle<core::Task>::share(task_behind(state, channel_));
      if (!task_) task_ = over_task();
      operation_.emplace<core::Completion>(*task_);
      return true;
    case Kind::receive: {
      const EndObject& end = end_of(channel_);
      if (end.timer()) {
        operation_.emplace<core::Tick>(*end.timer());
      } else {
        operation_.emplace<core::Receive>(*end.channel());
      }
      return true;
    }
    case Kind::send:
      break;
  }
  core::Item item;
  if (!pack_value(state, value_, item)) return false;
  operation_.emplace<core::Send>(*end_of(channel_).channel(), std::move(item));
  return true;
}

bool SelectCase::is_own_end_closed() const noexcept {
  return (kind_ == Kind::receive || kind_ == Kind::send) && !end_of(channel_).is_open();
}

bool SelectCase::begin_use(CancelToken& token) {
  if (is_own_end_closed()) {
    raise_own_end_closed(end_of(channel_));
    return false;
  }
  if (kind_ == Kind::receive || kind_ == Kind::send) use_.begin(*end_of(channel_).ref, token);
  return true;
}

core::Operation* SelectCase::operation() noexcept {
  if (auto* receive = std::get_if<core::Receive>(&operation_)) return receive;
  if (auto* send = std::get_if<core::Send>(&operation_)) return send;
  if (auto* completion = std::get_if<core::Completion>(&operation_)) return completion;
  return std::get_if<core::Tick>(&operation_);
}

PyObject* SelectCase::take_value(State& state) {
  if (kind_ == Kind::future) return future_result(state, channel_);
  if (const auto* tick = std::get_if<core::Tick>(&operation_)) return unpack_tick(tick->due());
  auto* receive = std::get_if<core::Receive>(&operation_);
  if (!receive) Py_RETURN_NONE;
  return kind_ == Kind::get ? unpack_queue_item(channel_, std::move(receive->item()))
                            : unpack_value(state, std::move(receive->item()));
}

PyObject* SelectCase::raise_error(State& state, Status status) const {
  if (kind_ == Kind::get) return raise_queue_status(state, channel_, status);
  return raise_end_error(end_of(channel_), status);
}

void SelectCase::put_back() noexcept {
  auto* receive = std::get_if<core::Receive>(&operation_);
  if (!receive) return;
  core::Channel& channel =
      kind_ == Kind::get ? queue_behind(channel_) : *end_of(channel_).channel();
  channel.put_back(std::move(receive->item()));
}

bool SelectCases::prepare(const State& state, std::span<PyObject* const> given,
                          CancelToken& token) {
  count_ = given.size();
  cases_.reset(new (std::nothrow) SelectCase[count_]);
  operations_.reset(new (std::nothrow) core::Operation*[count_]);
  if (!cases_ || !operations_) {
    PyErr_NoMemory();
    return false;
  }
  // Every mistake is found before anything is encoded; and an encoding may run anything, a close()
  // for instance.
  for (std::size_t i = 0; i < count_; ++i) {
    if (!cases_[i].recognise(state, given[i], static_cast<Py_ssize_t>(i))) return false;
  }
  for (std::size_t i = 0; i < count_; ++i) {
    if (!cases_[i].prepare(state)) return false;
    operations_[i] = cases_[i].operation();
  }
  for (std::size_t i = 0; i < count_; ++i) {
    if (!cases_[i].begin_use(token)) return false;
  }
  return true;
}

bool SelectCases::is_never_ready() const noexcept {
  const auto all = operations();
  return std::all_of(all.begin(), all.end(), [](core::Operation* operation) { return !operation; });
}

PyObject* SelectCases::raise_cancelled() const {
  for (std::size_t i = 0; i < count_; ++i) {
    if (cases_[i].is_own_end_closed()) return raise_own_end_closed(end_of(cases_[i].channel()));
  }
  PyErr_SetString(PyExc_SystemError, "select() was cancelled by nobody");
  return nullptr;
}

}  // namespace libatoll::bindings
