// Memory of an interpreter that others see, and what has to be undone there when they let go.
//
// A buffer can be released only in the interpreter that exported it. Each interpreter therefore has
// a ReleaseList; a BufferExport whose last count goes is put on its owner's list, from any thread
// and without a GIL, and the owner drains the list the next time it calls drain_releases() (the
// runtime does on entry and at close; transfer does where it works with memory).
//
// When the owner is closed while others still see its memory, the export is never released: its
// exporter keeps the reference that the buffer holds, so the memory stays readable for good.
// CPython frees the arenas of an ended interpreter only if no block in them is in use.
//
// Views of memory that belongs to no interpreter in the first place need none of this.
#pragma once

#include <Python.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/object.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

class ReleaseList final : public core::Object {
 public:
  /// Any thread. Takes over the Py_buffer (allocated with new).
  void add(Py_buffer* buffer) noexcept;
  /// In the owner, with its GIL held: releases what was added.
  void drain() noexcept;
  /// In the owner: the last drain; later additions leak the export.
  void close() noexcept;

 private:
  std::mutex mutex_;
  std::vector<Py_buffer*> pending_;
  std::atomic<bool> has_pending_{false};
  bool closed_ = false;
};

/// An exported buffer, held on behalf of other interpreters.
class BufferExport final : public core::Object {
 public:
  /// Exports `object` (in its interpreter). Empty with a Python error set on failure.
  [[nodiscard]] static core::Handle<BufferExport> create(Context& context, PyObject* object);

  [[nodiscard]] const Py_buffer& view() const noexcept { return *view_; }

 private:
  BufferExport(std::unique_ptr<Py_buffer> view, core::Handle<ReleaseList> owner) noexcept
      : view_(std::move(view)), owner_(std::move(owner)) {}
  /// Of shared memory: a copy of the description.
  BufferExport(const Py_buffer& view, core::Handle<core::Object> memory);
  void destroy() noexcept override;

  std::unique_ptr<Py_buffer> view_;
  core::Handle<ReleaseList> owner_;  ///< empty for shared memory
  core::Handle<core::Object> memory_;
  std::vector<Py_ssize_t> extents_;  ///< shape and strides in shared memory
  std::string format_;
};

/// Releases what other interpreters gave back to this one. One atomic load when there is nothing.
void drain_releases(Context& context) noexcept;

}  // namespace libatoll::transfer
