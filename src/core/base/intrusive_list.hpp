// Objects that stand in a list by links of their own: no allocation, and leaving is O(1).
#pragma once

namespace libatoll::core {

/// T has members `T* next_` and `T* previous_`, both null outside of the list, and has the list as
/// its friend. New ones come first. Not thread-safe.
template <class T>
class IntrusiveList {
 public:
  constexpr IntrusiveList() noexcept = default;
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;

  [[nodiscard]] T* first() const noexcept { return first_; }
  [[nodiscard]] static T* next(const T& object) noexcept { return object.next_; }

  void add(T& object) noexcept {
    object.next_ = first_;
    if (first_) first_->previous_ = &object;
    first_ = &object;
  }
  /// It is in this list.
  void remove(T& object) noexcept {
    (object.previous_ ? object.previous_->next_ : first_) = object.next_;
    if (object.next_) object.next_->previous_ = object.previous_;
    object.next_ = object.previous_ = nullptr;
  }

 private:
  T* first_ = nullptr;
};

}  // namespace libatoll::core
