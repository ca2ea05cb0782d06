// An array of numbers in shared memory: where its elements lie. Like the memory it belongs to no
// interpreter and never changes; parts and other shapes are further ones on the same memory.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "core/base/object.hpp"
#include "core/memory/element_type.hpp"
#include "core/memory/shared_buffer.hpp"

namespace libatoll::core {

class SharedArray final : public Object {
 public:
  /// As many as the buffer protocol knows.
  static constexpr std::size_t most_dimensions = 64;

  /// Lengths or strides, up to most_dimensions of them.
  using Extents = std::span<const std::ptrdiff_t>;

  /// In C order, from the start of `memory`, which is large enough. Empty when memory is short.
  [[nodiscard]] static Handle<SharedArray> contiguous(const Handle<SharedBuffer>& memory,
                                                      const ElementType& type,
                                                      Extents shape) noexcept;
  /// Some of the elements of this one: from that at `first` on, with strides in bytes.
  [[nodiscard]] Handle<SharedArray> part(std::byte* first, Extents shape, Extents strides,
                                         bool readonly) const noexcept;

  /// The bytes that elements of these lengths take; false if no memory has as many.
  [[nodiscard]] static bool size_of(const ElementType& type, Extents shape,
                                    std::size_t& bytes) noexcept;

  [[nodiscard]] const ElementType& type() const noexcept { return type_; }
  /// The first element. Never null.
  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t dimensions() const noexcept { return dimensions_; }
  [[nodiscard]] Extents shape() const noexcept { return {extents(), dimensions_}; }
  [[nodiscard]] Extents strides() const noexcept { return {extents() + dimensions_, dimensions_}; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return count_ * type_.size; }
  [[nodiscard]] bool readonly() const noexcept { return readonly_; }
  /// In C order without gaps.
  [[nodiscard]] bool is_contiguous() const noexcept { return is_contiguous_; }
  [[nodiscard]] const Handle<SharedBuffer>& memory() const noexcept { return memory_; }

 private:
  SharedArray(Handle<SharedBuffer> memory, const ElementType& type, std::byte* data,
              std::size_t dimensions, bool readonly) noexcept
      : memory_(std::move(memory)),
        type_(type),
        data_(data),
        dimensions_(dimensions),
        readonly_(readonly) {}
  ~SharedArray() override;

  /// With room for shape and strides. Null when memory is short.
  [[nodiscard]] static SharedArray* make(const Handle<SharedBuffer>& memory,
                                         const ElementType& type, std::byte* data,
                                         std::size_t dimensions, bool readonly) noexcept;
  /// Sets what follows from shape and strides.
  void complete() noexcept;

  [[nodiscard]] const std::ptrdiff_t* extents() const noexcept {
    return large_ ? large_ : small_.data();
  }
  [[nodiscard]] std::ptrdiff_t* extents() noexcept { return large_ ? large_ : small_.data(); }

  const Handle<SharedBuffer> memory_;
  const ElementType& type_;
  std::byte* const data_;
  const std::size_t dimensions_;
  std::size_t count_ = 1;
  const bool readonly_;
  bool is_contiguous_ = true;
  // Lengths, then strides: of up to four dimensions without an allocation.
  std::array<std::ptrdiff_t, 8> small_{};
  std::ptrdiff_t* large_ = nullptr;
};

}  // namespace libatoll::core
