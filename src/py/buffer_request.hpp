// What an exporter answers to PyObject_GetBuffer(), by the rules of the buffer protocol.
#pragma once

#include <Python.h>

namespace libatoll::py {

/// Hands `view` out as `exporter`'s, without what `flags` do not ask for; BufferError if they ask
/// for what the memory is not. Its shape, strides and format must live as long as the exporter. The
/// result is that of bf_getbuffer.
inline int answer_buffer_request(PyObject* exporter, const Py_buffer& view, Py_buffer* out,
                                 int flags) {
  out->obj = nullptr;
  const auto refuse = [](const char* why) {
    PyErr_SetString(PyExc_BufferError, why);
    return -1;
  };
  const auto asks = [flags](int what) { return (flags & what) == what; };
  if (asks(PyBUF_WRITABLE) && view.readonly) return refuse("memory is read-only");
  if (asks(PyBUF_C_CONTIGUOUS) && !PyBuffer_IsContiguous(&view, 'C')) {
    return refuse("memory is not C-contiguous");
  }
  if (asks(PyBUF_F_CONTIGUOUS) && !PyBuffer_IsContiguous(&view, 'F')) {
    return refuse("memory is not Fortran contiguous");
  }
  if (asks(PyBUF_ANY_CONTIGUOUS) && !PyBuffer_IsContiguous(&view, 'A')) {
    return refuse("memory is not contiguous");
  }
  if (!asks(PyBUF_INDIRECT) && view.suboffsets) return refuse("memory needs suboffsets");
  if (!asks(PyBUF_STRIDES) && !PyBuffer_IsContiguous(&view, 'C')) {
    return refuse("memory is not C-contiguous");
  }
  *out = view;
  if (!asks(PyBUF_FORMAT)) out->format = nullptr;
  if (!asks(PyBUF_ND)) out->shape = nullptr;
  if (!asks(PyBUF_STRIDES)) out->strides = nullptr;
  if (!asks(PyBUF_INDIRECT)) out->suboffsets = nullptr;
  out->obj = Py_NewRef(exporter);
  return 0;
}

}  // namespace libatoll::py
