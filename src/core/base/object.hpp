// Reference-counted objects that belong to no interpreter.
//
// Everything that several interpreters share (channels, buffers, code records) is an Object: plain
// memory with an atomic count. The last release() may come from any thread, with or without a GIL,
// so destroy() must not touch Python; what has to be undone inside an interpreter is handed to that
// interpreter's release list instead.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

namespace libatoll::core {

class Object {
 public:
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  void retain() const noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }

  void release() const noexcept {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      const_cast<Object*>(this)->destroy();
    }
  }

  /// A snapshot, for tests, diagnostics and estimates only.
  [[nodiscard]] std::uint32_t use_count() const noexcept {
    return refs_.load(std::memory_order_relaxed);
  }

  // Counted: many that go at once leave much to be given back (reclaim.hpp).
  [[nodiscard]] static void* operator new(std::size_t size);
  [[nodiscard]] static void* operator new(std::size_t size, const std::nothrow_t&) noexcept;
  [[nodiscard]] static void* operator new(std::size_t, void* where) noexcept { return where; }
  static void operator delete(void* memory, std::size_t size) noexcept;

 protected:
  Object() noexcept = default;
  virtual ~Object() = default;

 private:
  /// Frees the object on the side (shared library) that allocated it.
  virtual void destroy() noexcept { delete this; }

  mutable std::atomic<std::uint32_t> refs_{1};
};

template <class U, class T>
concept PointsTo = std::is_convertible_v<U*, T*>;

/// Owning pointer to an Object.
template <class T>
class Handle {
 public:
  constexpr Handle() noexcept = default;
  constexpr Handle(std::nullptr_t) noexcept {}
  Handle(const Handle& other) noexcept : object_(other.object_) {
    if (object_) object_->retain();
  }
  Handle(Handle&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <PointsTo<T> U>
  Handle(Handle<U> other) noexcept : object_(other.detach()) {}
  Handle& operator=(Handle other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Handle() {
    if (object_) object_->release();
  }

  /// Takes over a count that the caller holds (a fresh object starts with one).
  [[nodiscard]] static Handle adopt(T* object) noexcept { return Handle(object); }
  /// Adds a count of its own.
  [[nodiscard]] static Handle share(T* object) noexcept {
    if (object) object->retain();
    return Handle(object);
  }
  template <class... Args>
  [[nodiscard]] static Handle make(Args&&... args) {
    return Handle(new T(std::forward<Args>(args)...));
  }

  [[nodiscard]] T* get() const noexcept { return object_; }
  [[nodiscard]] T* detach() noexcept { return std::exchange(object_, nullptr); }
  T* operator->() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  friend bool operator==(const Handle& a, const Handle& b) noexcept {
    return a.object_ == b.object_;
  }

 private:
  explicit Handle(T* object) noexcept : object_(object) {}
  T* object_ = nullptr;
};

}  // namespace libatoll::core
