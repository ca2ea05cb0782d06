// Builds objects from the wire format of codec.hpp.
//
// Every read is checked: bytes that no encoder wrote end in a Python error (ValueError), not in a
// crash. Runs in the interpreter of its Context with the GIL held; the bytes and attachments must
// stay alive and unchanged meanwhile.
#pragma once

#include <Python.h>

#include <initializer_list>
#include <memory>
#include <type_traits>
#include <typeinfo>

#include "core/memory/message.hpp"
#include "py/ref.hpp"
#include "transfer/context/context.hpp"
#include "transfer/context/scratch.hpp"
#include "transfer/wire/codec.hpp"
#include "transfer/wire/reader.hpp"

namespace libatoll::transfer {

class Decoder {
 public:
  /// `consume`: nobody decodes the message again, so what is writable need not be copied.
  Decoder(Context& context, const core::Message& message, bool consume);
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder();

  /// The next value, or empty with a Python error set. Throws std::bad_alloc.
  py::Ref value();

  [[nodiscard]] Context& context() noexcept { return context_; }
  [[nodiscard]] Reader& reader() noexcept { return reader_; }
  [[nodiscard]] bool consumes() const noexcept { return consume_; }
  /// A str, or empty without an error for none; false with a Python error set on failure.
  bool optional_text(py::Ref& text);
  /// An attachment, or null with a Python error set.
  [[nodiscard]] core::Object* attachment(std::size_t index) noexcept;
  /// A memoryview of an attached BufferExport.
  py::Ref memory(std::size_t index);
  template <class T>
  [[nodiscard]] T* attachment_as(std::size_t index) noexcept {
    core::Object* const object = attachment(index);
    if (!object) return nullptr;
    // The types that are asked for are final, so this is as good as a dynamic_cast, and quicker.
    static_assert(std::is_final_v<T>);
    if (typeid(*object) == typeid(T)) return static_cast<T*>(object);
    corrupted();
    return nullptr;
  }

 private:
  static constexpr std::uint32_t no_slot = 0xFFFFFFFF;
  static constexpr int deepest_recursion = 64;

  /// A complete value, or null: a Python error is set or, inside of run_frames() only, `opened_` is
  /// set and a frame pushed.
  PyObject* read();
  PyObject* read_payload(wire::Op op, std::uint32_t slot);
  PyObject* read_text(std::size_t length, int kind);
  PyObject* read_ascii(std::size_t length);
  PyObject* read_bytes(wire::Op op);
  PyObject* read_key();
  PyObject* read_big_int();
  PyObject* read_reference(std::size_t number);
  PyObject* read_range();
  PyObject* read_extension();
  PyObject* read_function();
  PyObject* read_code();
  PyObject* read_global();
  PyObject* read_main_global();
  PyObject* read_stdlib(wire::Op op);
  PyObject* read_timezone();
  PyObject* read_marshal();
  PyObject* corrupted() noexcept;

  // Instances (decode_instances.cpp).
  const ClassFacts* read_class(Carriage carriage);
  PyObject* read_instance(std::uint32_t slot);
  PyObject* read_state(py::Ref object, const ClassFacts* facts);
  bool set_attribute(PyObject* object, const ClassFacts& facts, PyObject* name, PyObject* value);
  bool set_state(PyObject* object, const ClassFacts& facts, PyObject* state);
  PyObject* read_named_tuple();
  PyObject* read_member();
  PyObject* read_registered();

  // Containers (decode_containers.cpp).
  PyObject* open(wire::Op op, std::uint32_t slot);
  const KnownShape* read_shape();
  const KnownShape* read_shape_number();
  PyObject* open_record(const KnownShape* shape, std::uint32_t slot);
  /// Reads the items of a container that has been made.
  PyObject* enter(py::Ref object, DecodeFrame::Container kind, Py_ssize_t size, std::uint32_t slot,
                  const KnownShape* shape, const ClassFacts* facts = nullptr);
  bool read_items(PyObject* object, DecodeFrame::Container kind, Py_ssize_t size,
                  const KnownShape* shape, const ClassFacts* facts);
  PyObject* read_item();

  // Containers that are nested deeply (decode_frames.cpp).
  PyObject* run_frames(py::Ref object, DecodeFrame::Container kind, Py_ssize_t size,
                       std::uint32_t slot, const KnownShape* shape, const ClassFacts* facts);
  PyObject* run_to(std::size_t floor);
  bool fill(DecodeFrame& frame);
  bool accept(DecodeFrame& frame, PyObject* item);
  void drop_frames(std::size_t floor) noexcept;

  /// Is the next value one of these? Else the error is set.
  bool next_is(std::initializer_list<wire::Op> allowed) noexcept;
  void keep(std::uint32_t slot, PyObject* object);

  Context& context_;
  ClassTable::User uses_classes_;
  Reader reader_;
  const core::Message& message_;
  std::unique_ptr<DecodeScratch> scratch_;
  std::vector<DecodeFrame>& frames_;
  std::vector<PyObject*>& memo_;
  bool consume_;
  bool opened_ = false;
  /// Containers under way by recursion, and one more while there are frames.
  int depth_ = 0;
};

}  // namespace libatoll::transfer
