#include "transfer/wire/writer.hpp"

#include <algorithm>

#include "core/memory/mapped_block.hpp"

namespace libatoll::transfer {

void Writer::grow(std::size_t count) {
  const std::size_t used = position();
  const std::size_t capacity = static_cast<std::size_t>(end_ - begin_);
  std::size_t wanted = std::max({used + count + 16, capacity * 2, std::size_t{1024}});
  // Large messages are often followed by others of their size.
  if (wanted > copy_limit) wanted = std::max(wanted, last_large_ + last_large_ / 8);
  const core::Block block = core::grow_block({begin_, capacity}, used, wanted);
  begin_ = block.data;
  cursor_ = block.data + used;
  end_ = block.data + block.capacity;
}

core::Message Writer::finish() {
  const std::size_t used = position();
  const std::size_t capacity = static_cast<std::size_t>(end_ - begin_);
  if (used <= copy_limit || capacity / 4 > used) {
    core::Message message = core::Message::copy_of({begin_, used});
    cursor_ = begin_;
    last_large_ = 0;
    // What was written in vain, or taken back, should not keep so much.
    if (capacity >= core::mapped_minimum) {
      core::release_block({begin_, capacity});
      begin_ = cursor_ = end_ = nullptr;
    }
    return message;
  }
  last_large_ = used < core::mapped_minimum ? used : 0;
  const core::Block block = core::trim_block({begin_, capacity}, used);
  begin_ = cursor_ = end_ = nullptr;
  return core::Message::adopt(block, used);
}

}  // namespace libatoll::transfer
