#include "transfer/writer.hpp"

#include <algorithm>

namespace libatoll::transfer {

void Writer::grow(std::size_t count) {
  const std::size_t used = position();
  const std::size_t capacity = static_cast<std::size_t>(end_ - begin_);
  std::size_t wanted = std::max({used + count + 16, capacity * 2, std::size_t{1024}});
  // Large messages are often followed by others of their size.
  if (wanted > copy_limit) wanted = std::max(wanted, last_large_ + last_large_ / 8);
  core::Block block;
  if (wanted <= copy_limit || capacity > move_limit) {
    // realloc moves large blocks without copying them.
    auto* const data = static_cast<std::byte*>(std::realloc(begin_, wanted));
    if (!data) throw std::bad_alloc();
    block = {data, wanted};
  } else {
    block = core::allocate_block(wanted);
    if (used) std::memcpy(block.data, begin_, used);
    if (begin_) core::release_block({begin_, capacity});
  }
  begin_ = block.data;
  cursor_ = block.data + used;
  end_ = block.data + block.capacity;
}

core::Message Writer::finish() {
  const std::size_t used = position();
  const std::size_t capacity = static_cast<std::size_t>(end_ - begin_);
  if (used <= copy_limit || (capacity / 4 > used && capacity <= move_limit)) {
    core::Message message = core::Message::copy_of({begin_, used});
    cursor_ = begin_;
    last_large_ = 0;
    return message;
  }
  last_large_ = used <= move_limit ? used : 0;
  core::Block block{begin_, capacity};
  begin_ = cursor_ = end_ = nullptr;
  if (capacity > move_limit && capacity > used + used / 8) {
    if (auto* const shrunk = static_cast<std::byte*>(std::realloc(block.data, used))) {
      block = {shrunk, used};
    }
  }
  return core::Message::adopt(block, used);
}

}  // namespace libatoll::transfer
