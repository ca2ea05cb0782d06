// The items that wait in a channel: a deque of fixed blocks.
//
// Slots do not move, so that a sender can take its item back in O(1), and growing copies nothing.
// A block that runs empty is kept for the next one that is needed, and an empty buffer starts its
// block over: in the steady state there are no allocations. Blocks are allocated by the caller
// before it needs one (has_room, add_block), outside of the channel's lock; those no longer needed
// collect in take_garbage() and are freed there, too.
//
// Invariant: the first slot, if there is one, is occupied. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "core/channel/item.hpp"

namespace libatoll::core {

class Send;

class ItemBuffer {
 public:
  struct Slot {
    // Not an aggregate: g++ 12 would fill it with zeros first, at twice the price of a whole send.
    Slot(Item&& content, Send* owner) noexcept : item(std::move(content)), sender(owner) {}

    Item item;
    /// Who waits for the reception of this item, if anybody; the item is theirs until then.
    Send* sender;
    bool is_occupied = true;  ///< false: the contents were moved out
  };

  struct Block {
    static constexpr std::uint32_t capacity = 16;
    Block* next = nullptr;
    // Slots live from push to the moment they are left behind.
    alignas(Slot) std::byte storage[capacity * sizeof(Slot)];

    [[nodiscard]] Slot* slot(std::uint32_t index) noexcept {
      return std::launder(reinterpret_cast<Slot*>(storage)) + index;
    }
    /// Null if there is no memory.
    [[nodiscard]] static Block* create() noexcept;
    static void free_chain(Block* block) noexcept;
  };

  ItemBuffer() noexcept = default;
  ItemBuffer(const ItemBuffer&) = delete;
  ItemBuffer& operator=(const ItemBuffer&) = delete;
  /// Destroys the items.
  ~ItemBuffer();

  void swap(ItemBuffer& other) noexcept;

  [[nodiscard]] bool empty() const noexcept { return first_ == last_ && begin_ == end_; }

  /// Can push_back be called?
  [[nodiscard]] bool has_room() const noexcept { return has_near_room() || spare_; }
  /// Would push_back stay within the last block?
  [[nodiscard]] bool has_near_room() const noexcept { return last_ && end_ < Block::capacity; }
  /// Can push_front be called?
  [[nodiscard]] bool has_front_room() const noexcept { return (first_ && begin_ > 0) || spare_; }
  void add_block(Block* block) noexcept { keep(block); }

  Slot* push_back(Item&& item, Send* sender) noexcept {
    if (!last_ || end_ == Block::capacity) [[unlikely]]
      append_block();
    return new (last_->slot(end_++)) Slot(std::move(item), sender);
  }
  Slot* push_front(Item&& item) noexcept;

  /// Null if empty.
  [[nodiscard]] Slot* front() noexcept { return empty() ? nullptr : first_->slot(begin_); }

  /// Drops the first slot, after its contents were moved out.
  void pop_front() noexcept {
    first_->slot(begin_)->is_occupied = false;
    drop_vacant();
  }
  /// As pop_front if that is a matter of counting; false otherwise (nothing happened).
  [[nodiscard]] bool pop_near_front() noexcept {
    const std::uint32_t next = begin_ + 1;
    if (first_ == last_ && next == end_) {
      begin_ = end_ = 0;  // the same cache lines again
      return true;
    }
    if (next == Block::capacity || !first_->slot(next)->is_occupied) return false;
    begin_ = next;
    return true;
  }
  /// Takes vacated slots out of the front. After a slot (any one) was marked as not occupied.
  void drop_vacant() noexcept;

  /// Visits occupied slots in order. Slots may be marked as not occupied meanwhile, not dropped.
  class Cursor {
   public:
    explicit Cursor(ItemBuffer& buffer) noexcept
        : buffer_(buffer), block_(buffer.first_), index_(buffer.begin_) {}
    /// Null at the end.
    [[nodiscard]] Slot* next() noexcept {
      while (block_ && !(block_ == buffer_.last_ && index_ == buffer_.end_)) {
        if (index_ == Block::capacity) {
          block_ = block_->next;
          index_ = 0;
          continue;
        }
        Slot* slot = block_->slot(index_++);
        if (slot->is_occupied) return slot;
      }
      return nullptr;
    }

   private:
    ItemBuffer& buffer_;
    Block* block_;
    std::uint32_t index_;
  };

  /// Blocks to be freed with Block::free_chain outside of the lock.
  [[nodiscard]] Block* take_garbage() noexcept { return std::exchange(garbage_, nullptr); }

 private:
  void append_block() noexcept;
  void keep(Block* block) noexcept;

  Block* first_ = nullptr;
  Block* last_ = nullptr;
  std::uint32_t begin_ = 0;  ///< index of the first slot in first_
  std::uint32_t end_ = 0;    ///< one past the index of the last slot in last_
  Block* spare_ = nullptr;
  Block* garbage_ = nullptr;
};

}  // namespace libatoll::core
