// A Python bytes object, as a C++ value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace libatoll {

/// A sequence of bytes; a type of its own, so that it is not taken for text.
///
///   atoll::Bytes header("\x89PNG");
///   std::span<const std::byte> view = header.span();
class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(std::string data) noexcept : data_(std::move(data)) {}
  explicit Bytes(std::span<const std::byte> data)
      : data_(reinterpret_cast<const char*>(data.data()), data.size()) {}
  explicit Bytes(std::span<const std::uint8_t> data)
      : data_(reinterpret_cast<const char*>(data.data()), data.size()) {}

  [[nodiscard]] std::size_t size() const noexcept { return data_.size(); }
  [[nodiscard]] bool empty() const noexcept { return data_.empty(); }
  [[nodiscard]] const char* data() const noexcept { return data_.data(); }
  [[nodiscard]] std::string_view view() const noexcept { return data_; }
  [[nodiscard]] std::span<const std::byte> span() const noexcept {
    return std::as_bytes(std::span(data_));
  }
  /// The bytes as a string, without a copy if called on an rvalue.
  [[nodiscard]] std::string str() const& { return data_; }
  [[nodiscard]] std::string str() && noexcept { return std::move(data_); }

  friend bool operator==(const Bytes&, const Bytes&) = default;

 private:
  std::string data_;
};

}  // namespace libatoll
