// A buffer that some object exports, for a scope.
#pragma once

#include <Python.h>

namespace libatoll::py {

class BufferView {
 public:
  BufferView() noexcept = default;
  BufferView(const BufferView&) = delete;
  BufferView& operator=(const BufferView&) = delete;
  ~BufferView() {
    if (view_.obj) PyBuffer_Release(&view_);
  }

  /// Once. False with a Python error set.
  [[nodiscard]] bool get(PyObject* object, int flags) noexcept {
    return PyObject_GetBuffer(object, &view_, flags) == 0;
  }
  [[nodiscard]] const Py_buffer& operator*() const noexcept { return view_; }
  [[nodiscard]] const Py_buffer* operator->() const noexcept { return &view_; }

 private:
  Py_buffer view_{};
};

}  // namespace libatoll::py
