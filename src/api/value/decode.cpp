#include <Python.h>  // extension_types.hpp

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "api/channel/handles.hpp"
#include "api/value/codec.hpp"
#include "api/value/utf8.hpp"
#include "api/value/value_path.hpp"
#include "transfer/classes/extension_types.hpp"
#include "transfer/wire/codec.hpp"
#include "transfer/wire/reader.hpp"

namespace libatoll::api {

namespace {

using transfer::Reader;
using transfer::Tag;
using transfer::wire::Op;

/// What Python calls an object of this kind, for those that are no Value.
std::string name_of(Op op) {
  switch (op) {
    case Op::ellipsis:
      return "ellipsis object";
    case Op::not_implemented:
      return "NotImplementedType object";
    case Op::complex:
      return "complex object";
    case Op::bytearray:
      return "bytearray object";
    case Op::set:
      return "set object";
    case Op::frozenset:
      return "frozenset object";
    case Op::slice:
      return "slice object";
    case Op::range:
      return "range object";
    case Op::date:
      return "datetime.date object";
    case Op::time:
      return "datetime.time object";
    case Op::datetime:
      return "datetime.datetime object";
    case Op::timedelta:
      return "datetime.timedelta object";
    case Op::utc:
    case Op::timezone:
      return "datetime.timezone object";
    case Op::uuid:
      return "UUID object";
    case Op::decimal:
      return "Decimal object";
    case Op::path:
      return "pathlib path object";
    case Op::memory:
      return "memoryview object";
    case Op::function:
      return "function object";
    case Op::code:
      return "code object";
    case Op::global:
    case Op::main_global:
      return "function or class";
    default:
      return "pickled object";
  }
}

std::string name_of(Tag tag) {
  switch (tag) {
    case Tag::interpreter:
      return "Interpreter object";
    case Tag::channel_id:
      return "ChannelID object";
    case Tag::receive_end:
      return "RecvChannel object";
    case Tag::send_end:
      return "SendChannel object";
    case Tag::array:
      return "SharedArray object";
    case Tag::std_array:
      return "array.array object";
    default:
      return "object of an unknown kind";
  }
}

/// One pass over the bytes; what is referred to again is read again, where it stands.
class Decoder {
 public:
  Decoder(const core::Message& message, std::string_view what)
      : message_(message), path_(what), reader_(message.bytes()) {}

  Value read();

 private:
  /// Where the object of a number begins, behind its op byte.
  struct Met {
    std::size_t position;
    Op op;
    bool is_complete;
  };
  struct Shape {
    std::vector<Value> keys;
  };
  /// How deeply objects of registered types may lie in what such an object is sent as: an encoder
  /// stops before.
  static constexpr int max_registered = 100;

  Value read_payload(Op op);
  Value read_integer(const std::byte* data, std::size_t length);
  template <class Character>
  Value read_text(std::size_t length);
  Value read_list();
  Value read_dict();
  Value read_shape();
  Value read_record(std::size_t number);
  Value read_reference(std::size_t number);
  Value read_extension();
  Value read_registered();
  void skip_callable();

  [[nodiscard]] std::size_t position() const noexcept {
    return static_cast<std::size_t>(reader_.cursor() - message_.bytes().data());
  }
  [[noreturn]] void corrupted() const { path_.fail("the message is corrupted"); }
  void check() const {
    if (reader_.failed()) corrupted();
  }
  [[noreturn]] void refuse(const std::string& name) const { path_.fail(name + not_a_value); }

  const core::Message& message_;
  Path path_;
  Reader reader_;
  std::vector<Met> met_;
  std::vector<Shape> shapes_;
  int registered_depth_ = 0;
  bool replays_ = false;  ///< reads what was read before: everything in it is numbered
};

Value Decoder::read() {
  const std::uint8_t byte = reader_.byte();
  check();
  const auto op = static_cast<Op>(byte & ~transfer::wire::memo_flag);
  const bool numbered = (byte & transfer::wire::memo_flag) && !replays_;
  const std::size_t number = met_.size();
  if (numbered) met_.push_back({position(), op, false});
  Value value = read_payload(op);
  check();
  if (numbered) met_[number].is_complete = true;
  return value;
}

Value Decoder::read_payload(Op op) {
  switch (op) {
    case Op::none:
      return {};
    case Op::false_:
      return false;
    case Op::true_:
      return true;
    case Op::int8:
      return std::int64_t{reader_.raw<std::int8_t>()};
    case Op::int32:
      return reader_.raw<std::int32_t>();
    case Op::int64:
      return reader_.raw<std::int64_t>();
    case Op::big_int: {
      const std::size_t length = reader_.count();
      return read_integer(reader_.block(length), length);
    }
    case Op::float64:
      return reader_.raw<double>();
    case Op::str_short:
      return read_text<std::uint8_t>(reader_.byte());
    case Op::str_ascii:
    case Op::str1:
      return read_text<std::uint8_t>(reader_.size());
    case Op::str2:
      return read_text<std::uint16_t>(reader_.size());
    case Op::str4:
      return read_text<std::uint32_t>(reader_.size());
    case Op::bytes: {
      const std::size_t length = reader_.count();
      const auto* const data = reinterpret_cast<const char*>(reader_.block(length));
      check();
      return Bytes(std::string(data, length));
    }
    case Op::list:
      return read_list();
    case Op::tuple:
      return Tuple(std::move(*read_list().get_if<List>()));
    case Op::dict:
      return read_dict();
    case Op::shape:
      return read_shape();
    case Op::record:
      return read_record(reader_.size());
    case Op::ref8:
      return read_reference(reader_.byte());
    case Op::ref32:
      return read_reference(reader_.raw<std::uint32_t>());
    case Op::extension:
      return read_extension();
    case Op::registered:
      return read_registered();
    default:
      if (op > Op::call) corrupted();
      refuse(name_of(op));
  }
}

/// From two's complement.
Value Decoder::read_integer(const std::byte* data, std::size_t length) {
  check();
  const bool negative = length != 0 && (data[length - 1] & std::byte{0x80}) != std::byte{0};
  std::vector<std::uint32_t> words((length + 3) / 4);
  std::uint64_t carry = 1;
  for (std::size_t i = 0; i < length; ++i) {
    auto byte = static_cast<std::uint32_t>(data[i]);
    if (negative) {
      carry += ~byte & 0xFF;
      byte = static_cast<std::uint32_t>(carry & 0xFF);
      carry >>= 8;
    }
    words[i / 4] |= byte << (8 * (i % 4));
  }
  return BigInt(negative, words);
}

template <class Character>
Value Decoder::read_text(std::size_t length) {
  if (length > reader_.left() / sizeof(Character)) reader_.fail();
  const std::byte* const data = reader_.block(length * sizeof(Character));
  check();
  std::string text;
  if constexpr (sizeof(Character) == 1) {
    const std::string_view raw(reinterpret_cast<const char*>(data), length);
    const std::size_t ascii = utf8::ascii_prefix(raw);
    if (ascii == length) return std::string(raw);
    text.reserve(length + (length - ascii));
    text = raw.substr(0, ascii);
    for (const char c : raw.substr(ascii)) utf8::append(text, static_cast<unsigned char>(c));
  } else {
    text.reserve(length * 3);
    for (std::size_t i = 0; i < length; ++i) {
      Character character;
      std::memcpy(&character, data + i * sizeof character, sizeof character);
      if (character > utf8::last) corrupted();
      utf8::append(text, character);
    }
  }
  return text;
}

Value Decoder::read_list() {
  path_.check_depth();
  const std::size_t count = reader_.count();
  check();
  List items;
  items.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Path::Step step(path_, i);
    items.push_back(read());
  }
  return items;
}

Value Decoder::read_dict() {
  static const Value key_name("<key>");
  path_.check_depth();
  const std::size_t count = reader_.count(2);
  check();
  Dict items;
  items.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    Value key;
    {
      const Path::Step step(path_, &key_name);
      key = read();
    }
    const Path::Step step(path_, &key);
    Value item = read();
    items.append(std::move(key), std::move(item));
  }
  return items;
}

Value Decoder::read_shape() {
  const std::size_t count = reader_.byte();
  const std::size_t size = reader_.raw<std::uint16_t>();
  const std::byte* const block = reader_.block(size);
  check();
  const Reader after = std::exchange(reader_, Reader({block, size}));
  Shape shape;
  shape.keys.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    shape.keys.push_back(read_text<std::uint8_t>(reader_.byte()));
  }
  reader_ = after;
  // Read again, its number is that of the one that is there already.
  std::size_t number = shapes_.size();
  if (replays_) {
    number = 0;
    while (number < shapes_.size() && shapes_[number].keys != shape.keys) ++number;
  } else {
    shapes_.push_back(std::move(shape));
  }
  return read_record(number);
}

Value Decoder::read_record(std::size_t number) {
  path_.check_depth();
  if (reader_.failed() || number >= shapes_.size()) corrupted();
  const std::size_t count = shapes_[number].keys.size();
  Dict items;
  items.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    // Not a reference: further shapes may come.
    Value key = shapes_[number].keys[i];
    const Path::Step step(path_, &key);
    Value item = read();
    items.append(std::move(key), std::move(item));
  }
  return items;
}

Value Decoder::read_reference(std::size_t number) {
  if (reader_.failed() || number >= met_.size()) corrupted();
  const Met met = met_[number];
  if (!met.is_complete) {
    const char* const kind = met.op == Op::list ? "list" : met.op == Op::tuple ? "tuple" : "dict";
    path_.fail(std::string(kind) + " object contains itself: an atoll::Value cannot");
  }
  const Reader after = reader_;
  reader_ = Reader(message_.bytes().subspan(met.position));
  const bool replayed = std::exchange(replays_, true);
  Value value = read_payload(met.op);
  check();
  replays_ = replayed;
  reader_ = after;
  return value;
}

/// What the object was sent as: its class is for Python.
Value Decoder::read_registered() {
  if (registered_depth_ == max_registered) corrupted();
  skip_callable();
  ++registered_depth_;
  Value value = read();
  --registered_depth_;
  return value;
}

void Decoder::skip_callable() {
  const std::uint8_t byte = reader_.byte();
  check();
  const auto op = static_cast<Op>(byte & ~transfer::wire::memo_flag);
  if ((byte & transfer::wire::memo_flag) && !replays_) met_.push_back({position(), op, true});
  int values = 0;
  switch (op) {
    case Op::ref8:
      (void)reader_.byte();
      break;
    case Op::ref32:
      (void)reader_.raw<std::uint32_t>();
      break;
    case Op::function:
      (void)reader_.size();
      values = 2;
      break;
    case Op::global:
      values = 2;
      break;
    case Op::main_global:
      values = 3;
      break;
    default:
      corrupted();
  }
  for (int i = 0; i < values; ++i) (void)read();
  check();
}

Value Decoder::read_extension() {
  const auto tag = static_cast<Tag>(reader_.byte());
  const auto number = reader_.raw<std::uint64_t>();
  const std::size_t attachment = reader_.size();
  if (reader_.failed() || attachment > message_.attachment_count()) corrupted();
  if (tag == Tag::queue) return Queue::from_id(static_cast<std::int64_t>(number));
  if (tag != Tag::sender && tag != Tag::receiver && tag != Tag::buffer) refuse(name_of(tag));
  if (attachment == 0) corrupted();
  if (tag == Tag::buffer) {
    auto* const memory = dynamic_cast<core::SharedBuffer*>(message_.attachment(attachment - 1));
    if (!memory) corrupted();
    return detail::Access::make(*memory);
  }
  const auto* const end =
      dynamic_cast<const core::EndInTransit*>(message_.attachment(attachment - 1));
  if (!end) corrupted();
  const core::EndRef& ref = end->ref();
  if (tag == Tag::sender) return detail::Access::make<Sender>(ref.ends(), ref.end());
  return detail::Access::make<Receiver>(ref.ends(), ref.end());
}

}  // namespace

Value decode(const core::Message& message, std::string_view what) {
  return Decoder(message, what).read();
}

}  // namespace libatoll::api
