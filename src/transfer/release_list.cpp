#include "transfer/release_list.hpp"

#include <memory>
#include <new>

#include "transfer/context_impl.hpp"

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
  return core::Handle<BufferExport>::adopt(
      new BufferExport(view.release(), context.impl().releases));
}

void BufferExport::destroy() noexcept {
  owner_->add(view_);
  delete this;
}

void drain_releases(Context& context) noexcept {
  context.impl().releases->drain();
}

}  // namespace libatoll::transfer
