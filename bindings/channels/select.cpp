#include "channels/select.hpp"

#include "channels/part.hpp"
#include "channels/select_cases.hpp"
#include "support/fast_arguments.hpp"
#include "support/wait.hpp"

namespace libatoll::bindings {

namespace {

using core::Selected;
using core::Status;

struct Options {
  Timeout timeout;
  PyObject* fallback = nullptr;  ///< the default; borrowed, null if not given
  core::Order order = core::Order::random;

  /// A default without a timeout: take what is ready now.
  [[nodiscard]] bool is_immediate() const noexcept {
    return timeout.is_zero() || (fallback && !timeout.given);
  }
};

constexpr const char* names[] = {"timeout", "default", "order"};
constexpr Signature signature = {"select", names, 3, 0, 0};

bool parse_order(PyObject* object, core::Order& out) {
  if (!object) return true;
  if (!PyUnicode_Check(object)) {
    PyErr_Format(PyExc_TypeError, "order must be a str, not %.200s", Py_TYPE(object)->tp_name);
    return false;
  }
  if (PyUnicode_CompareWithASCIIString(object, "random") == 0) {
    out = core::Order::random;
  } else if (PyUnicode_CompareWithASCIIString(object, "given") == 0) {
    out = core::Order::given;
  } else {
    PyErr_Format(PyExc_ValueError, "order must be 'random' or 'given', not %R", object);
    return false;
  }
  return true;
}

/// `args` points at the values of `kwnames`.
bool parse_options(PyObject* const* args, PyObject* kwnames, Options& out) {
  PyObject* given[3];
  if (!parse_fast(signature, args, 0, kwnames, given)) return false;
  out.fallback = given[1];
  return parse_timeout(given[0], out.timeout) && parse_order(given[2], out.order);
}

/// (index, channel, value, closed). Takes the reference to `value`; null if that is.
PyObject* make_selected(const State& state, PyObject* index, PyObject* channel, PyObject* value,
                        bool closed) {
  py::Ref owned_index = py::Ref::steal(index);
  py::Ref owned_value = py::Ref::steal(value);
  if (!owned_index || !owned_value) return nullptr;
  PyObject* selected = PyStructSequence_New(channels_of(state).selected_type);
  if (!selected) return nullptr;
  PyStructSequence_SetItem(selected, 0, owned_index.release());
  PyStructSequence_SetItem(selected, 1, Py_NewRef(channel));
  PyStructSequence_SetItem(selected, 2, owned_value.release());
  PyStructSequence_SetItem(selected, 3, PyBool_FromLong(closed));
  return selected;
}

PyObject* nothing_ready(const State& state, const Options& options) {
  if (options.fallback) {
    return make_selected(state, Py_NewRef(Py_None), Py_None, Py_NewRef(options.fallback), false);
  }
  PyErr_SetString(PyExc_TimeoutError, "select() timed out: no case was ready");
  return nullptr;
}

/// Of a case that was carried out, with whatever status.
PyObject* result_of(State& state, SelectCases& cases, const Selected& selected) {
  SelectCase& winner = cases[selected.index];
  const bool is_closed = selected.status == Status::closed && winner.can_be_closed();
  if (selected.status != Status::ok && !is_closed) {
    return winner.raise_error(state, selected.status);
  }
  PyObject* value = is_closed ? Py_NewRef(Py_None) : winner.take_value(state);
  return make_selected(state, PyLong_FromSize_t(selected.index), winner.channel(), value,
                       is_closed);
}

PyObject* block(State& state, SelectCases& cases, const Options& options, core::Wait& wait,
                const CancelToken& token) {
  const BlockedOnAny blocked = block_on_any(wait, &token);
  const Selected& selected = blocked.selected;
  if (blocked.raised) {
    if (selected.status == Status::ok) cases[selected.index].put_back();
    return nullptr;
  }
  if (selected.index != Selected::none) return result_of(state, cases, selected);
  if (selected.status == Status::timed_out) return nothing_ready(state, options);
  return raise_common(state, selected.status) ? nullptr : cases.raise_cancelled();
}

PyObject* select(PyObject* module, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  State& state = state_of(module);
  Options options;
  if (!parse_options(args + nargs, kwnames, options)) return nullptr;
  CancelToken token;
  SelectCases cases;
  if (!cases.prepare(state, {args, static_cast<std::size_t>(nargs)}, token)) return nullptr;
  const core::Deadline deadline = options.timeout.deadline();
  if (cases.is_never_ready() && deadline.is_never() && !options.is_immediate()) {
    PyErr_SetString(PyExc_ValueError,
                    "select() without a case that can be ready, and without a timeout, would wait "
                    "for ever");
    return nullptr;
  }
  core::Wait wait(cases.operations(), {deadline, state.self->id()}, options.order);
  const Selected selected = wait.start();
  if (selected.status != Status::pending) return result_of(state, cases, selected);
  if (options.is_immediate()) return nothing_ready(state, options);
  return block(state, cases, options, wait, token);
}

PyStructSequence_Field fields[] = {
    {"index", "which case it was, from 0; None for the default"},
    {"channel", "the Sender, Receiver, Queue or Future of the case; None for the default"},
    {"value", "what was received; the default; None after a send"},
    {"closed", "the case is a Receiver whose channel is closed: nothing was received"},
    {nullptr, nullptr},
};

PyStructSequence_Desc description = {
    "atoll.Selected",
    "What select() did.",
    fields,
    4,
};

}  // namespace

PyTypeObject* make_selected_type() {
  return PyStructSequence_NewType(&description);
}

PyMethodDef select_functions[] = {
    {"select", as_method(select), METH_FASTCALL | METH_KEYWORDS,
     "select($module, /, *cases, timeout=None, default=..., order='random')\n--\n\n"
     "Carry out the first of several cases that is ready, and only that one.\n\n"
     "A case is a Receiver (receive a value), a Queue (get an item), a Future (its result), a tuple\n"
     "(Sender, value) (send the value), or None, which is never ready. Among several that are ready one is chosen at\n"
     "random or, with order='given', the first. The result is a Selected: index, channel, value,\n"
     "closed. A Receiver whose channel is closed is ready, with closed=True and the value None; a\n"
     "send on a closed channel raises Closed, and a Future that failed raises what its task raised.\n\n"
     "While none is ready it waits, at most timeout seconds (a fraction counts; None: as long as it\n"
     "takes), then raises TimeoutError. With a default it returns that instead, as value, with the\n"
     "index None; and if no timeout is given, at once. Raises ValueError where it would wait for\n"
     "ever: no case but None, and no timeout."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace libatoll::bindings
