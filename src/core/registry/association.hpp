// Which interpreters use which end of a channel (PEP 554).
//
// An interpreter becomes associated with an end when it uses it, and stays so until it releases the
// end or is gone. An end that was released cannot be used again from there. The channel is over
// when the last association ends. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/status.hpp"
#include "core/channel/end.hpp"
#include "core/parking/lock.hpp"

namespace libatoll::core {

class Association {
 public:
  /// closed: released by `id` before. no_memory.
  [[nodiscard]] Status associate(InterpreterId id, End end) noexcept;

  /// Releases the given ends for `id`, whether or not it used them. closed: had released them all.
  /// `is_last`: nobody is associated with any end now, and the channel is to be closed.
  [[nodiscard]] Status release(InterpreterId id, End ends, bool& is_last) noexcept;

  /// As a release of what `id` uses. True: that was the last association.
  [[nodiscard]] bool interpreter_gone(InterpreterId id) noexcept;

  struct Counts {
    std::size_t associated = 0;
    std::size_t released = 0;
  };
  [[nodiscard]] Counts counts(End end) const noexcept;
  /// Has `id` used (and not released) this end? Has it released it?
  [[nodiscard]] bool is_associated(InterpreterId id, End end) const noexcept;
  [[nodiscard]] bool has_released(InterpreterId id, End end) const noexcept;
  /// The associated interpreters, in the order of their first use of the channel. no_memory.
  [[nodiscard]] Status list(End end, std::vector<InterpreterId>& ids) const noexcept;

 private:
  struct User {
    InterpreterId id;
    std::uint8_t uses = 0;  ///< ends, as bits of End
    std::uint8_t released = 0;
  };

  User* find(InterpreterId id) noexcept;
  [[nodiscard]] User get(InterpreterId id) const noexcept;
  [[nodiscard]] bool is_unused() const noexcept;

  mutable Lock lock_;
  std::vector<User> users_;
};

}  // namespace libatoll::core
