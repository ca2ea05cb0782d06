// The wire format of a message: a stream of values, each an op byte and its payload.
//
//   value   := op [payload]                 op & memo_flag: the decoder numbers the object
//   size    := u8 below 0xFF, else 0xFF u64 host byte order, unaligned
//
// The format never leaves the process, so it has no version and host byte order. What holds is:
//
// - Objects that can be met twice carry memo_flag; the decoder gives them the numbers 0, 1, 2... in
//   the order in which their op bytes stand in the stream, and ref ops name them by that number. A
//   container is numbered before its items, so cycles come out as cycles.
// - Every value takes at least one byte, so no size field can announce more items than bytes are
//   left: the decoder refuses such a message before it allocates.
// - Shared things (memory, code records, channel ends) are attachments of the message, named by
//   their index.
// - The class of an instance is a global, or a ref to one.
// - What is not native is pickled: the whole root, or for the items of an argument list (and of a
//   root tuple) all the items that need it, as one pickle, so that aliases survive as they do in a
//   pickle of the whole. Natively encoded neighbours of pickled items are objects that share
//   nothing (scalars, text, memory, functions, extension types).
#pragma once

#include <cstdint>

namespace libatoll::transfer::wire {

enum class Op : std::uint8_t {
  none,
  false_,
  true_,
  ellipsis,
  not_implemented,
  int8,         ///< i8
  int32,        ///< i32
  int64,        ///< i64
  big_int,      ///< size, two's complement bytes, low byte first
  float64,      ///< f64
  complex,      ///< f64 f64
  str_short,    ///< u8 length, ASCII
  str_ascii,    ///< size in characters, ASCII
  str1,         ///< size in characters, latin-1
  str2,         ///< size in characters, 16 bits each (lone surrogates are characters like others)
  str4,         ///< size in characters, 32 bits each
  bytes,        ///< size, bytes
  bytearray,    ///< size, bytes
  tuple,        ///< size, values
  list,         ///< size, values
  dict,         ///< size, key and value each
  shape,        ///< u8 keys, u16 bytes, per key u8 length and latin-1 text; values: a dict, and the
                ///< next shape from 0 on (shapes.hpp)
  record,       ///< size: number of a shape, values: a dict of that shape
  set,          ///< size, values
  frozenset,    ///< size, values
  slice,        ///< three values
  range,        ///< three ints
  ref8,         ///< u8 number of an object met before
  ref32,        ///< u32
  date,         ///< u16 year, u8 month, u8 day
  time,         ///< u8 hour, minute, second, u32 microsecond, u8 fold, value tzinfo
  datetime,     ///< u16 u8 u8, u8 u8 u8, u32, u8 fold, value tzinfo
  timedelta,    ///< i32 days, seconds, microseconds
  utc,          ///< datetime.timezone.utc
  timezone,     ///< i32 days, seconds, microseconds, value name or none
  uuid,         ///< 16 bytes, i8: value of is_safe, 1 for unknown
  decimal,      ///< value str
  path,         ///< u8 which class, value str
  memory,       ///< size: attachment (BufferExport)
  extension,    ///< u8 tag, u64 number, size: 0 or attachment + 1
  function,     ///< size: attachment (CodeRecord), value name or none, value qualname or none
  code,         ///< size: attachment (CodeRecord)
  global,       ///< value module, value qualified name
  main_global,  ///< value qualified name, size: attachment (MainSnapshot) + 1, or 0: the one that
                ///< is being installed
  instance,     ///< class, State, per state a dict: attributes, or names of slots
  named_tuple,  ///< class, size, values
  member,       ///< class, value str: name of a member of an enum
  registered,   ///< callable, value: what the callable makes of the value
  pickle,       ///< u8 flags, [size: attachment (MainSnapshot)], size, bytes, size: buffers
  marshal,      ///< size, bytes
  split,        ///< tuple of which some items are pickled together: see Section
  call,         ///< value callable, section args, size: keywords, names, section values
};

inline constexpr std::uint8_t memo_flag = 0x80;

/// How the items of an argument list are laid out.
enum class Section : std::uint8_t {
  native,  ///< the values, one after the other
  split,   ///< per item u8 0 and a value, or u8 1; then a pickled tuple of the items marked 1
};

/// What follows the class of an instance: a dict of its attributes, one of its slots, or both, the
/// slots first.
enum class InstanceState : std::uint8_t { none, dict, slots, both };

/// Flags of a pickle.
inline constexpr std::uint8_t pickle_names_main = 1;  ///< names `__main__`, whose snapshot follows
inline constexpr std::uint8_t pickle_has_hooks = 2;   ///< refers to attachments (extension types)

}  // namespace libatoll::transfer::wire
