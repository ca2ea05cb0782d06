#include "transfer/memory/release_list.hpp"

#include <memory>
#include <new>

#include "transfer/context/impl.hpp"
#include "transfer/memory/shared_memory.hpp"

namespace libatoll::transfer {

void ReleaseList::add(Py_buffer* buffer) noexcept {
  const std::lock_guard lock(mutex_);
  // The owner is gone: what its exporter refers to must live on, only our own record can go.
  if (closed_) {
    delete buffer;
    return;
  }
  try {
    pending_.push_back(buffer);
    has_pending_.store(true, std::memory_order_release);
  } catch (const std::bad_alloc&) {
    // Leaks one export; there is nobody to tell.
  }
}

void ReleaseList::drain() noexcept {
  if (!has_pending_.load(std::memory_order_acquire)) return;
  std::vector<Py_buffer*> released;
  {
    const std::lock_guard lock(mutex_);
    released.swap(pending_);
    has_pending_.store(false, std::memory_order_relaxed);
  }
  // Releasing may run Python code, which may come back here: no lock is held, no error is
  // disturbed.
  PyObject* const error = PyErr_GetRaisedException();
  for (Py_buffer* buffer : released) {
    PyBuffer_Release(buffer);
    delete buffer;
  }
  PyErr_SetRaisedException(error);
}

void ReleaseList::close() noexcept {
  drain();
  const std::lock_guard lock(mutex_);
  closed_ = true;
  // Came in between drain() and the lock: rare enough to leak rather than to loop.
  for (Py_buffer* buffer : pending_) delete buffer;
  pending_.clear();
}

core::Handle<BufferExport> BufferExport::create(Context& context, PyObject* object) {
  auto view = std::make_unique<Py_buffer>();
  if (PyObject_GetBuffer(object, view.get(), PyBUF_FULL_RO) < 0) return {};
  core::Handle<core::Object> memory;
  if (PyMemoryView_Check(object) && !view->suboffsets) {
    memory = memory_behind(context, PyMemoryView_GET_BASE(object));
  }
  BufferExport* made = nullptr;
  if (memory) {
    // The memory is kept by itself: there is nothing to give back to this interpreter.
    try {
      made = new BufferExport(*view, std::move(memory));
    } catch (const std::bad_alloc&) {
      PyErr_NoMemory();
    }
    PyBuffer_Release(view.get());
  } else {
    made = new BufferExport(std::move(view), context.impl().releases);
  }
  return core::Handle<BufferExport>::adopt(made);
}

BufferExport::BufferExport(const Py_buffer& view, core::Handle<core::Object> memory)
    : view_(std::make_unique<Py_buffer>(view)),
      memory_(std::move(memory)),
      format_(view.format ? view.format : "B") {
  const auto dimensions = static_cast<std::size_t>(view.ndim);
  extents_.assign(view.shape, view.shape + dimensions);
  extents_.insert(extents_.end(), view.strides, view.strides + dimensions);
  view_->obj = nullptr;
  view_->internal = nullptr;
  view_->format = format_.data();
  view_->shape = extents_.data();
  view_->strides = extents_.data() + dimensions;
}

void BufferExport::destroy() noexcept {
  if (owner_) owner_->add(view_.release());
  delete this;
}

void drain_releases(Context& context) noexcept {
  context.impl().releases->drain();
}

}  // namespace libatoll::transfer
