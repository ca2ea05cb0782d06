#include "transfer/exceptions/chain.hpp"

#include <algorithm>
#include <vector>

#include "transfer/context/impl.hpp"
#include "transfer/pickle/pickle.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::transfer {
namespace {

constexpr std::size_t longest_chain = 200;

struct Link {
  py::Ref exception;
  long cause = -1;  ///< index in the chain
  long context = -1;
  bool suppress = false;
};

/// The exception first, then whatever hangs on it.
class Chain {
 public:
  explicit Chain(PyObject* exception) {
    (void)add(exception);
    // Links that are added meanwhile are visited as well.
    for (std::size_t i = 0; i < links_.size(); ++i) visit(i);
  }

  [[nodiscard]] std::vector<Link>& links() noexcept { return links_; }

 private:
  long add(PyObject* exception) {
    if (!exception || !PyExceptionInstance_Check(exception)) return -1;
    for (std::size_t i = 0; i < links_.size(); ++i) {
      if (links_[i].exception.get() == exception) return static_cast<long>(i);
    }
    if (links_.size() == longest_chain) return -1;
    links_.push_back({py::Ref::borrow(exception)});
    return static_cast<long>(links_.size()) - 1;
  }

  void visit(std::size_t index) {
    const py::Ref exception = links_[index].exception;
    const auto cause = py::Ref::steal(PyException_GetCause(exception.get()));
    const auto before = py::Ref::steal(PyException_GetContext(exception.get()));
    const long cause_index = add(cause.get());
    const long context_index = add(before.get());
    links_[index].cause = cause_index;
    links_[index].context = context_index;
    links_[index].suppress =
        reinterpret_cast<PyBaseExceptionObject*>(exception.get())->suppress_context != 0;
    if (!PyObject_TypeCheck(exception.get(),
                            reinterpret_cast<PyTypeObject*>(PyExc_BaseExceptionGroup))) {
      return;
    }
    const auto members = py::Ref::steal(PyObject_GetAttrString(exception.get(), "exceptions"));
    if (!members || !PyTuple_Check(members.get())) {
      PyErr_Clear();
      return;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(members.get()); ++i) {
      (void)add(PyTuple_GET_ITEM(members.get(), i));
    }
  }

  std::vector<Link> links_;
};

py::Status encode_links(Context& context, const std::vector<Link>& links, Mode mode,
                        core::Message& out) {
  const auto list = py::Ref::steal(PyList_New(0));
  if (!list) return py::Status::error;
  for (const Link& link : links) {
    const auto item =
        py::Ref::steal(Py_BuildValue("(Olli)", link.exception ? link.exception.get() : Py_None,
                                     link.cause, link.context, static_cast<int>(link.suppress)));
    if (!item || PyList_Append(list.get(), item.get()) < 0) return py::Status::error;
  }
  Encoder encoder(context, mode);
  encoder.set_exceptions(ExceptionLinks::left_out);
  if (py::failed(write_pickle(encoder, list.get()))) return py::Status::error;
  out = encoder.finish();
  return py::Status::ok;
}

/// The innermost cause or context of a rebuilt chain.
py::Ref far_end(PyObject* exception) {
  py::Ref end = py::Ref::borrow(exception);
  for (std::size_t i = 0; i < longest_chain; ++i) {
    auto next = py::Ref::steal(PyException_GetCause(end.get()));
    if (!next) next = py::Ref::steal(PyException_GetContext(end.get()));
    if (!next || next.get() == exception) break;
    end = std::move(next);
  }
  return end;
}

py::Ref make_remote_traceback(Context& context, const std::string& text) {
  py::Ref& type = context.impl().stdlib_types.remote_traceback;
  if (!type) {
    type.set_once(py::Ref::steal(PyErr_NewExceptionWithDoc(
        "atoll.RemoteTraceback", "The traceback of an exception in another interpreter.",
        PyExc_Exception, nullptr)));
    if (!type) return {};
  }
  const std::string quoted = "\n\"\"\"\n" + text + "\n\"\"\"";
  const auto message = py::Ref::steal(
      PyUnicode_DecodeUTF8(quoted.data(), static_cast<Py_ssize_t>(quoted.size()), "surrogatepass"));
  return message ? py::Ref::steal(PyObject_CallOneArg(type.get(), message.get())) : py::Ref();
}

PyObject* exception_at(PyObject* list, long index) {
  if (index < 0 || index >= PyList_GET_SIZE(list)) return nullptr;
  PyObject* const exception = PyTuple_GET_ITEM(PyList_GET_ITEM(list, index), 0);
  return PyExceptionInstance_Check(exception) ? exception : nullptr;
}

}  // namespace

py::Status encode_chain(Context& context, PyObject* exception, Mode mode, core::Message& out) {
  Chain chain(exception);
  if (!py::failed(encode_links(context, chain.links(), mode, out))) return py::Status::ok;
  PyErr_Clear();
  std::vector<Link>& links = chain.links();
  for (std::size_t i = 1; i < links.size(); ++i) {
    Encoder probe(context, mode);
    probe.set_exceptions(ExceptionLinks::left_out);
    if (py::failed(write_pickle(probe, links[i].exception.get()))) links[i].exception.reset();
    PyErr_Clear();
  }
  return encode_links(context, links, mode, out);
}

void add_far_cause(PyObject* exception, PyObject* cause) noexcept {
  PyException_SetCause(far_end(exception).get(), Py_NewRef(cause));
}

void add_remote_traceback(Context& context, PyObject* exception, const std::string& text) noexcept {
  try {
    const py::Ref remote = make_remote_traceback(context, text);
    if (remote) add_far_cause(exception, remote.get());
  } catch (const std::bad_alloc&) {
    // Then without it.
  }
  PyErr_Clear();
}

py::Ref decode_chain(Context& context, const core::Message& message) noexcept {
  const py::Ref list = decode(context, message);
  PyErr_Clear();
  if (!list || !PyList_CheckExact(list.get())) return {};
  const Py_ssize_t count = PyList_GET_SIZE(list.get());
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* const item = PyList_GET_ITEM(list.get(), i);
    if (!PyTuple_CheckExact(item) || PyTuple_GET_SIZE(item) != 4) return {};
  }
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* const exception = exception_at(list.get(), static_cast<long>(i));
    if (!exception) continue;
    PyObject* unused;
    long cause = -1;
    long before = -1;
    int suppress = 0;
    if (!PyArg_ParseTuple(PyList_GET_ITEM(list.get(), i), "Olli", &unused, &cause, &before,
                          &suppress)) {
      break;
    }
    if (PyObject* const other = exception_at(list.get(), cause)) {
      PyException_SetCause(exception, Py_NewRef(other));
    }
    if (PyObject* const other = exception_at(list.get(), before)) {
      PyException_SetContext(exception, Py_NewRef(other));
    }
    reinterpret_cast<PyBaseExceptionObject*>(exception)->suppress_context =
        static_cast<char>(suppress);
  }
  PyErr_Clear();
  return py::Ref::borrow(exception_at(list.get(), 0));
}

}  // namespace libatoll::transfer
