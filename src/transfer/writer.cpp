#include "transfer/writer.hpp"

#include <algorithm>

namespace atoll::transfer {

void Writer::grow(std::size_t count) {
  const std::size_t used = position();
  const std::size_t capacity = static_cast<std::size_t>(end_ - begin_);
  const std::size_t wanted = std::max({used + count + 16, capacity * 2, std::size_t{1024}});
  auto* block = static_cast<std::byte*>(std::realloc(begin_, wanted));
  if (!block) throw std::bad_alloc();
  begin_ = block;
  cursor_ = block + used;
  end_ = block + wanted;
}

core::Message Writer::finish() {
  const std::size_t used = position();
  if (used <= copy_limit) {
    core::Message message = core::Message::copy_of({begin_, used});
    cursor_ = begin_;
    return message;
  }
  std::byte* block = begin_;
  if (static_cast<std::size_t>(end_ - begin_) > used + used / 8) {
    if (auto* shrunk = static_cast<std::byte*>(std::realloc(block, used))) block = shrunk;
  }
  begin_ = cursor_ = end_ = nullptr;
  return core::Message::adopt(block, used);
}

}  // namespace atoll::transfer
