#include "core/channel/item_buffer.hpp"

#include "core/base/reclaim.hpp"

namespace libatoll::core {

ItemBuffer::Block* ItemBuffer::Block::create() noexcept {
  auto* const block = new (std::nothrow) Block;
  if (block) note_allocated(sizeof(Block));
  return block;
}

void ItemBuffer::Block::free_chain(Block* block) noexcept {
  while (block) {
    delete std::exchange(block, block->next);
    note_freed(sizeof(Block));
  }
}

ItemBuffer::~ItemBuffer() {
  Cursor cursor(*this);
  while (Slot* slot = cursor.next()) slot->~Slot();
  Block::free_chain(first_);
  Block::free_chain(spare_);
  Block::free_chain(garbage_);
}

void ItemBuffer::swap(ItemBuffer& other) noexcept {
  std::swap(first_, other.first_);
  std::swap(last_, other.last_);
  std::swap(begin_, other.begin_);
  std::swap(end_, other.end_);
  std::swap(spare_, other.spare_);
  std::swap(garbage_, other.garbage_);
}

ItemBuffer::Slot* ItemBuffer::push_front(Item&& item) noexcept {
  if (!first_) {
    append_block();
    begin_ = end_ = Block::capacity / 2;
  } else if (begin_ == 0) {
    Block* block = std::exchange(spare_, nullptr);
    block->next = first_;
    first_ = block;
    begin_ = Block::capacity;
  }
  return new (first_->slot(--begin_)) Slot(std::move(item), nullptr);
}

void ItemBuffer::append_block() noexcept {
  Block* block = std::exchange(spare_, nullptr);
  block->next = nullptr;
  (last_ ? last_->next : first_) = block;
  last_ = block;
  end_ = 0;
}

void ItemBuffer::drop_vacant() noexcept {
  while (!empty()) {
    if (begin_ == Block::capacity) {
      Block* block = std::exchange(first_, first_->next);
      begin_ = 0;
      keep(block);
      continue;
    }
    Slot* slot = first_->slot(begin_);
    if (slot->is_occupied) return;
    // What is left of a Slot whose item was moved out owns nothing: no destructor needed.
    ++begin_;
  }
  begin_ = end_ = 0;  // the same cache lines again
}

void ItemBuffer::keep(Block* block) noexcept {
  if (!spare_) {
    block->next = nullptr;
    spare_ = block;
  } else {
    block->next = garbage_;
    garbage_ = block;
  }
}

}  // namespace libatoll::core
