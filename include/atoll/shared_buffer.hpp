// Memory that C++ and all interpreters see without a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace libatoll {

namespace core {
class SharedBuffer;
}
namespace detail {
struct Access;
}

/// A handle on a piece of memory; the memory of `atoll.SharedBuffer` in Python is the same.
///
/// *Lifetime.* The memory lives as long as there is a handle on it: C++ ones, Python ones, views
/// that Python code has made, and messages under way. Copies are cheap and mean the same memory.
/// Whose handle is the last does not matter, nor in which thread.
///
/// *Threads.* Any thread may use a handle, whether or not it is in an interpreter; no interpreter
/// need exist. Nothing keeps those who write to the memory from those who read it: that is up to
/// the program.
///
/// *To and from Python.* A SharedBuffer is a Value: hand it to `Interpreter::set()` or `call()`,
/// put it into a queue, get one back with `value.as<atoll::SharedBuffer>()`. Python code receives
/// an `atoll.SharedBuffer`, for which the interpreter must be able to import the package `atoll`.
///
///   atoll::SharedBuffer samples(1'000'000 * sizeof(float));
///   python.set("samples", samples);
///   python.exec("view = memoryview(samples).cast('f')");
///   std::span<float> numbers = samples.writable_as<float>();
class SharedBuffer {
 public:
  /// New memory, all 0, at a multiple of 64 bytes. Throws std::bad_alloc.
  explicit SharedBuffer(std::size_t size);
  /// New memory with this content. Throws std::bad_alloc.
  [[nodiscard]] static SharedBuffer copy_of(std::span<const std::byte> data);
  [[nodiscard]] static SharedBuffer copy_of(std::string_view data);

  SharedBuffer(const SharedBuffer& other) noexcept;
  SharedBuffer(SharedBuffer&& other) noexcept;
  SharedBuffer& operator=(SharedBuffer other) noexcept;
  ~SharedBuffer();

  /// In bytes; 0 also if the handle was moved from.
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] bool is_readonly() const noexcept;

  /// Null only if the handle was moved from.
  [[nodiscard]] const std::byte* data() const noexcept;
  [[nodiscard]] std::span<const std::byte> span() const noexcept { return {data(), size()}; }
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(data()), size()};
  }
  /// Throws ValueError if it is read-only, or was moved from.
  [[nodiscard]] std::span<std::byte> writable() const;

  /// As numbers. Throws ValueError if the size is no multiple of theirs or, for a part of a buffer,
  /// if it begins where no T may.
  template <class T>
  [[nodiscard]] std::span<const T> as() const {
    static_assert(std::is_trivially_copyable_v<T>);
    return {reinterpret_cast<const T*>(data()), count_of(sizeof(T), alignof(T))};
  }
  template <class T>
  [[nodiscard]] std::span<T> writable_as() const {
    static_assert(std::is_trivially_copyable_v<T>);
    return {reinterpret_cast<T*>(writable().data()), count_of(sizeof(T), alignof(T))};
  }

  /// `size` bytes of the same memory from `offset` on. Throws ValueError if it has no such part.
  [[nodiscard]] SharedBuffer slice(std::size_t offset, std::size_t size) const;
  /// The same memory, to be read only, also by those who get it from this handle.
  [[nodiscard]] SharedBuffer readonly() const;

  /// What all memory of this kind takes in the process.
  [[nodiscard]] static std::uint64_t total_bytes() noexcept;

  /// The same content.
  friend bool operator==(const SharedBuffer& a, const SharedBuffer& b) noexcept {
    return a.view() == b.view();
  }

 private:
  friend struct detail::Access;
  /// Takes over a count; null: throws std::bad_alloc.
  explicit SharedBuffer(core::SharedBuffer* memory);
  [[nodiscard]] std::size_t count_of(std::size_t size, std::size_t alignment) const;
  /// Throws ValueError if the handle was moved from.
  [[nodiscard]] core::SharedBuffer& memory() const;

  core::SharedBuffer* memory_;
};

}  // namespace libatoll
