#include <Python.h>  // extension_types.hpp

#include <algorithm>
#include <bit>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "api/channel/handles.hpp"
#include "api/process/extension_home.hpp"
#include "api/value/codec.hpp"
#include "api/value/utf8.hpp"
#include "api/value/value_path.hpp"
#include "transfer/classes/extension_types.hpp"
#include "transfer/wire/codec.hpp"
#include "transfer/wire/writer.hpp"

namespace libatoll::api {

namespace {

using transfer::Tag;
using transfer::Writer;
using transfer::wire::Op;

bool is_hashable(const Value& key) {
  if (const auto* items = key.get_if<Tuple>()) return std::ranges::all_of(*items, is_hashable);
  return !key.is_list() && !key.is_dict() && !key.is_buffer();
}

class Encoder {
 public:
  explicit Encoder(std::string_view what) : path_(what) {}

  void operator()(std::monostate) { writer_.op(Op::none); }
  void operator()(bool value) { writer_.op(value ? Op::true_ : Op::false_); }
  void operator()(std::int64_t value) {
    writer_.reserve(9);
    writer_.put_int(value);
  }
  void operator()(const BigInt& value) {
    const std::span<const std::uint32_t> words = value.magnitude();
    // Room for the sign, as int.bit_length() counts.
    const std::size_t bits =
        32 * words.size() - static_cast<std::size_t>(std::countl_zero(words.back()));
    const std::size_t length = bits / 8 + 1;
    writer_.op(Op::big_int);
    writer_.size(length);
    writer_.reserve(length);
    std::uint64_t carry = 1;  // of the two's complement
    for (std::size_t i = 0; i < length; ++i) {
      std::uint32_t byte = i / 4 < words.size() ? words[i / 4] >> (8 * (i % 4)) & 0xFF : 0;
      if (value.is_negative()) {
        carry += ~byte & 0xFF;
        byte = static_cast<std::uint32_t>(carry & 0xFF);
        carry >>= 8;
      }
      writer_.put(static_cast<std::uint8_t>(byte));
    }
  }
  void operator()(double value) {
    writer_.op(Op::float64);
    writer_.raw(value);
  }
  void operator()(const std::string& value);
  void operator()(const Bytes& value) {
    writer_.op(Op::bytes);
    writer_.size(value.size());
    writer_.block(value.data(), value.size());
  }
  void operator()(const List& value) { put_items(Op::list, value); }
  void operator()(const Tuple& value) { put_items(Op::tuple, value.items()); }
  void operator()(const Dict& value) {
    path_.check_depth();
    writer_.op(Op::dict);
    writer_.size(value.size());
    for (const auto& [key, item] : value) {
      const Path::Step step(path_, &key);
      if (!is_hashable(key)) path_.fail(mutable_key);
      key.visit(*this);
      item.visit(*this);
    }
  }
  void operator()(const Queue& value) {
    put_extension(Tag::queue, static_cast<std::uint64_t>(value.id()), detail::Access::hold(value));
  }
  void operator()(const Sender& value) { put_end(Tag::sender, detail::Access::ref(value)); }
  void operator()(const Receiver& value) { put_end(Tag::receiver, detail::Access::ref(value)); }
  void operator()(const SharedBuffer& value) {
    put_extension(Tag::buffer, 0, detail::Access::memory(value));
  }

  [[nodiscard]] core::Message finish() {
    core::Message message = writer_.finish();
    if (attachments_.size() == 1) {
      message.attach(std::move(attachments_.front()));
    } else if (!attachments_.empty()) {
      message.attach(std::make_unique<core::Attachments>(std::move(attachments_)));
    }
    return message;
  }

 private:
  void put_items(Op op, const List& items) {
    path_.check_depth();
    writer_.op(op);
    writer_.size(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Path::Step step(path_, i);
      items[i].visit(*this);
    }
  }

  template <class Character>
  void put_characters(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
      writer_.put(static_cast<Character>(utf8::next(text, at)));
    }
  }

  void put_end(Tag tag, const core::EndRef& ref) {
    auto end = core::EndInTransit::make(ref);
    if (!end) throw std::bad_alloc();
    put_extension(tag, ref.ends()->number(), std::move(end));
  }

  void put_extension(Tag tag, std::uint64_t number, core::Handle<core::Object> object) {
    make_home_known(tag);
    attachments_.push_back(std::move(object));
    writer_.op(Op::extension);
    writer_.raw(static_cast<std::uint8_t>(tag));
    writer_.raw(number);
    writer_.size(attachments_.size());
  }

  Path path_;
  Writer writer_;
  core::Attachments attachments_;
};

void Encoder::operator()(const std::string& text) {
  const std::size_t ascii = utf8::ascii_prefix(text);
  std::size_t length = ascii;
  char32_t highest = 0;
  for (std::size_t at = ascii; at < text.size(); ++length) {
    const char32_t character = utf8::next(text, at);
    if (character == utf8::invalid) path_.fail(not_utf8);
    highest = std::max(highest, character);
  }
  const std::size_t width = highest <= 0xFF ? 1 : highest <= 0xFFFF ? 2 : 4;
  writer_.reserve(10 + length * width);
  const bool is_ascii = ascii == text.size();
  if (is_ascii && length <= 0xFF) {
    writer_.put_op(Op::str_short, 0);
    writer_.put(static_cast<std::uint8_t>(length));
  } else {
    const Op wide = width == 1 ? Op::str1 : width == 2 ? Op::str2 : Op::str4;
    writer_.put_op(is_ascii ? Op::str_ascii : wide, 0);
    writer_.put_size(length);
  }
  if (is_ascii) {
    writer_.put_block(text.data(), length);
  } else if (width == 1) {
    put_characters<std::uint8_t>(text);
  } else if (width == 2) {
    put_characters<std::uint16_t>(text);
  } else {
    put_characters<std::uint32_t>(text);
  }
}

}  // namespace

core::Message encode(const Value& value, std::string_view what) {
  // Numbers fit into the message itself: no Writer, which would allocate.
  transfer::SmallWriter small;
  if (const auto* number = value.get_if<std::int64_t>()) {
    small.put_int(*number);
    return small.finish();
  }
  if (const auto* number = value.get_if<double>()) {
    small.put_op(Op::float64);
    small.put(*number);
    return small.finish();
  }
  Encoder encoder(what);
  value.visit(encoder);
  return encoder.finish();
}

}  // namespace libatoll::api
