// Objects of the process that are never destroyed, since threads may outlive static destruction.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace libatoll::core {

/// For function-local statics: `static NoDestructor<Registry> registry(1);`. Needs no allocation.
template <class T>
class NoDestructor {
 public:
  template <class... Args>
  explicit NoDestructor(Args&&... args) : object_(new (storage_) T(std::forward<Args>(args)...)) {}
  NoDestructor(const NoDestructor&) = delete;
  NoDestructor& operator=(const NoDestructor&) = delete;

  [[nodiscard]] T& get() noexcept { return *object_; }

 private:
  alignas(T) std::byte storage_[sizeof(T)];
  T* const object_;
};

}  // namespace libatoll::core
