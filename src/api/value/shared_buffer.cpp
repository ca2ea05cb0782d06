#include "atoll/shared_buffer.hpp"

#include <new>
#include <string>
#include <utility>

#include "atoll/error.hpp"
#include "core/memory/shared_buffer.hpp"

namespace libatoll {

SharedBuffer::SharedBuffer(core::SharedBuffer* memory) : memory_(memory) {
  if (!memory) throw std::bad_alloc();
}

SharedBuffer::SharedBuffer(std::size_t size)
    : SharedBuffer(core::SharedBuffer::zeros(size).detach()) {}

SharedBuffer SharedBuffer::copy_of(std::span<const std::byte> data) {
  return SharedBuffer(core::SharedBuffer::copy_of(data.data(), data.size(), false).detach());
}

SharedBuffer SharedBuffer::copy_of(std::string_view data) {
  return copy_of(std::as_bytes(std::span(data)));
}

SharedBuffer::SharedBuffer(const SharedBuffer& other) noexcept : memory_(other.memory_) {
  if (memory_) memory_->retain();
}

SharedBuffer::SharedBuffer(SharedBuffer&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)) {}

SharedBuffer& SharedBuffer::operator=(SharedBuffer other) noexcept {
  std::swap(memory_, other.memory_);
  return *this;
}

SharedBuffer::~SharedBuffer() {
  if (memory_) memory_->release();
}

std::size_t SharedBuffer::size() const noexcept {
  return memory_ ? memory_->size() : 0;
}

bool SharedBuffer::is_readonly() const noexcept {
  return memory_ && memory_->readonly();
}

const std::byte* SharedBuffer::data() const noexcept {
  return memory_ ? memory_->data() : nullptr;
}

std::span<std::byte> SharedBuffer::writable() const {
  if (memory().readonly()) throw ValueError("this SharedBuffer is read-only");
  return {memory().data(), memory().size()};
}

SharedBuffer SharedBuffer::slice(std::size_t offset, std::size_t size) const {
  if (offset > memory().size() || size > memory().size() - offset) {
    throw ValueError("a SharedBuffer of " + std::to_string(memory().size()) + " bytes has no " +
                     std::to_string(size) + " bytes from " + std::to_string(offset) + " on");
  }
  return SharedBuffer(memory().slice(offset, size, false).detach());
}

SharedBuffer SharedBuffer::readonly() const {
  return SharedBuffer(memory().slice(0, memory().size(), true).detach());
}

std::uint64_t SharedBuffer::total_bytes() noexcept {
  return core::SharedBuffer::total_bytes();
}

std::size_t SharedBuffer::count_of(std::size_t size, std::size_t alignment) const {
  if (memory().size() % size != 0) {
    throw ValueError("a SharedBuffer of " + std::to_string(memory().size()) +
                     " bytes is no whole number of elements of " + std::to_string(size));
  }
  if (reinterpret_cast<std::uintptr_t>(memory().data()) % alignment != 0) {
    throw ValueError("this part of a SharedBuffer does not begin at a multiple of " +
                     std::to_string(alignment) + " bytes");
  }
  return memory().size() / size;
}

core::SharedBuffer& SharedBuffer::memory() const {
  if (!memory_) throw ValueError("this SharedBuffer was moved from");
  return *memory_;
}

}  // namespace libatoll
