// Memory that several interpreters see: what a receiver gets to see it with.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdlib>
#include <memory>

#include "core/object.hpp"
#include "py/ref.hpp"
#include "transfer/context.hpp"
#include "transfer/release_list.hpp"

namespace libatoll::transfer {

/// A block of bytes that belongs to no interpreter: a buffer that left a pickle.
class SharedBytes final : public core::Object {
 public:
  /// Empty when memory is short.
  [[nodiscard]] static core::Handle<SharedBytes> copy_of(const void* data, std::size_t size,
                                                         bool readonly) noexcept;

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool readonly() const noexcept { return readonly_; }

 private:
  /// Of NumPy's and SIMD code's liking.
  static constexpr std::size_t alignment = 64;

  SharedBytes(std::byte* data, std::size_t size, bool readonly) noexcept
      : data_(data), size_(size), readonly_(readonly) {}
  ~SharedBytes() override { std::free(data_); }

  std::byte* data_;
  std::size_t size_;
  bool readonly_;
};

/// Objects with the buffer protocol, for memoryview() over them; they keep the memory alive.
py::Ref share_export(Context& context, core::Handle<BufferExport> memory);
py::Ref share_bytes(Context& context, core::Handle<SharedBytes> memory);

}  // namespace libatoll::transfer
