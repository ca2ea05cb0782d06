// Writes object graphs in the wire format of codec.hpp, without running the user's Python code.
//
// One pass. Containers nest by recursion, which is quickest, down to a certain depth, and on a
// stack of their own below it, so nesting is limited by memory only. An object that is not native
// makes value() answer `refused`; the callers in transfer.cpp and call.cpp then decide about
// pickle. Runs in the interpreter of its Context with the GIL held; not reusable after an error.
#pragma once

#include <Python.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/memory/message.hpp"
#include "py/ref.hpp"
#include "transfer/classes/type_table.hpp"
#include "transfer/code/functions.hpp"
#include "transfer/code/record.hpp"
#include "transfer/context/context.hpp"
#include "transfer/context/scratch.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::transfer {

struct MainSpace;

/// What a pickle says of the cause and the context of an exception.
enum class ExceptionLinks : std::uint8_t { kept, left_out };

class Encoder {
 public:
  enum class Outcome : std::uint8_t {
    done,
    refused,  ///< not native; culprit() and path() say what; a Python error only with a cause
    error,    ///< a Python error is set
  };

  Encoder(Context& context, Mode mode);
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  ~Encoder();

  /// Appends one value. Several values of one message share the memo. Throws std::bad_alloc.
  Outcome value(PyObject* root);

  /// Appends the code object of a record.
  void record(core::Handle<CodeRecord> record);

  /// What follows is the value of a global of this `__main__`: other definitions of it are named in
  /// `needs`, and not attached.
  void collect(MainSpace& space, std::vector<std::string>& needs) noexcept {
    collected_ = &space;
    needs_ = &needs;
  }
  /// While `object` is encoded under `name`, or under none, it does not stand for itself.
  void set_root(PyObject* object, const std::string& name) {
    root_ = py::Ref::borrow(object);
    root_name_ = name;
  }
  [[nodiscard]] PyObject* root() const noexcept { return root_.get(); }
  [[nodiscard]] const std::string& root_name() const noexcept { return root_name_; }
  [[nodiscard]] bool collects() const noexcept { return needs_ != nullptr; }
  /// The index that goes with a reference to these names: that of a MainSnapshot plus 1, or 0.
  /// Empty with a Python error set on failure.
  std::optional<std::size_t> refer(MainSpace& space, std::span<const std::string> names);

  /// Has an object that the receiver can make only when it has all its parts been met inside of
  /// itself? Then pickle must have the whole of it.
  [[nodiscard]] bool is_cyclic() const noexcept { return is_cyclic_; }
  /// Items of this tuple are about to be pickled without it; if the pickler meets it nevertheless,
  /// write_pickle() fails and is_cyclic() is true. Null: none.
  void set_whole(PyObject* tuple) noexcept { whole_ = tuple; }
  [[nodiscard]] PyObject* whole() const noexcept { return whole_; }
  void whole_was_met() noexcept { is_cyclic_ = true; }

  /// Exceptions in pickles need hooks. True once an exception was refused, or set_exceptions() was
  /// called.
  [[nodiscard]] bool has_exceptions() const noexcept { return has_exceptions_; }
  [[nodiscard]] ExceptionLinks exceptions() const noexcept { return exceptions_; }
  void set_exceptions(ExceptionLinks links) noexcept {
    has_exceptions_ = true;
    exceptions_ = links;
  }

  /// A str, noted nowhere; null is written as none.
  void text(PyObject* text) { put_text(text); }

  [[nodiscard]] Context& context() noexcept { return context_; }
  [[nodiscard]] Mode mode() const noexcept { return mode_; }
  [[nodiscard]] Writer& writer() noexcept { return writer_; }
  std::size_t attach(core::Handle<core::Object> object);
  /// Drops attachments from an index on.
  void detach_from(std::size_t index) noexcept { attachments_.resize(index); }

  /// What was refused last, and the way to it from the root (such as "[0]['x']").
  [[nodiscard]] PyObject* culprit() const noexcept { return culprit_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  struct Mark {
    std::size_t position;
    std::uint32_t objects;
    std::int32_t shapes;
    std::size_t attachments;
  };
  [[nodiscard]] Mark mark() const noexcept;
  /// Takes back all that was written since; objects met before the mark are forgotten as well, that
  /// is, written anew when they are met again.
  void rollback(const Mark& mark) noexcept;

  /// From now on Python code may run between two steps: objects that were met must not die.
  void may_run_python();

  [[nodiscard]] core::Message finish();

 private:
  enum class Step : std::uint8_t {
    done,
    opened,  ///< a frame was pushed, whose items come first
    refused,
    error,
  };
  static constexpr int deepest_recursion = 64;

  /// Writes the commonest kinds of items; false: it is none of them.
  bool put_simple(PyObject* object);
  Step put(PyObject* object);
  Step put_other(PyObject* object);
  void put_str(PyObject* object);
  /// Without the memo, for texts that may die before the message is complete; null is written as
  /// none.
  void put_text(PyObject* text);
  void write_str(PyObject* text, std::uint8_t flag);
  void write_long_str(PyObject* text, std::uint8_t flag);
  Step put_int(PyObject* object);
  Step put_big_int(PyObject* object);
  Step put_bytes(PyObject* object);
  Step put_bytearray(PyObject* object);
  Step put_range(PyObject* object);
  Step put_memory(PyObject* object);
  Step put_callable(PyObject* object);
  Step put_stateless(PyObject* function);
  Step put_global(PyObject* object);
  Step write_global(PyObject* object, std::uint8_t flag);
  Step write_name(PyObject* object, const GlobalName& name, std::uint8_t flag);
  Step put_extension(PyObject* object, TypeEntry entry);
  Step put_stdlib(PyObject* object, TypeEntry entry);
  Step put_tz(PyObject* tzinfo);
  Step put_timezone(PyObject* object);
  Step put_uuid(PyObject* object);

  // Instances (encode_instances.cpp).
  Step put_class(PyObject* type);
  Step put_instance(PyObject* object, const ClassFacts& facts);
  Step put_attributes(PyObject* object, const ClassFacts& facts);
  Step put_state(PyObject* dict, Py_ssize_t owners);
  /// Null without an error if one is missing that must be there.
  py::Ref slots_of(PyObject* object, const ClassFacts& facts);
  Step put_named_tuple(PyObject* object, const ClassFacts& facts);
  Step put_member(PyObject* object, const ClassFacts& facts);
  Step put_registered(PyObject* object);

  // Containers (encode_containers.cpp).
  Step open(PyObject* object, EncodeFrame::Container kind, wire::Op op, Py_ssize_t size,
            Py_ssize_t owners = 0);
  Step put_dict(PyObject* object, Py_ssize_t owners = 0);
  void put_shape(ShapeTable::Shape& shape, std::uint8_t flag);
  /// The items of a container whose beginning is written. `values`: where those of a record start.
  Step enter(PyObject* object, EncodeFrame::Container kind, Py_ssize_t size,
             std::size_t values = 0);
  /// What has a hash: the receiver may have to take it before anything refers to the whole of it.
  static bool is_late(EncodeFrame::Container kind) noexcept {
    using Container = EncodeFrame::Container;
    return kind == Container::tuple || kind == Container::named_tuple ||
           kind == Container::frozenset || kind == Container::slice;
  }
  Step put_items(PyObject* object, EncodeFrame::Container kind, Py_ssize_t size,
                 std::size_t values);
  Step list_items(PyObject* list, Py_ssize_t size);
  Step tuple_items(PyObject* tuple, Py_ssize_t size);
  Step dict_items(PyObject* dict, Py_ssize_t size);
  Step record_items(PyObject* dict, Py_ssize_t size, std::size_t values);
  Step set_items(PyObject* set, Py_ssize_t size);
  Step slice_items(PyObject* slice);
  Step changed(const char* what);
  Step refuse(PyObject* culprit) {
    culprit_ = py::Ref::borrow(culprit);
    return Step::refused;
  }
  /// Puts a step of the path to what went wrong in front of those that are known.
  template <class Describe>
  Step failed_at(Step step, Describe describe) {
    path_.insert(0, describe());
    return step;
  }

  // Containers that are nested deeply (encode_frames.cpp).
  Step run_frames(PyObject* object, EncodeFrame::Container kind, Py_ssize_t size,
                  std::size_t values);
  Step run_frame();
  Step run_dict(EncodeFrame& frame);
  Step push(PyObject* object, EncodeFrame::Container kind, Py_ssize_t size, std::size_t values);
  void pop_frame() noexcept;
  void drop_frames(std::size_t floor) noexcept;
  [[nodiscard]] std::string describe_frames() const;
  /// The key of a dict's entry, for a path; null if there is none any more.
  [[nodiscard]] static PyObject* nth_key(PyObject* dict, Py_ssize_t index) noexcept;

  void unpin() noexcept;
  /// Owns the values of records from an index on.
  void pin_values(std::size_t start);

  /// True if `object` was met before: a reference to it has been written. Else `flag` is what its
  /// op byte needs. `owners`: how many references to it are known to come from elsewhere than from
  /// values, 0 for an item of a container.
  bool seen(PyObject* object, std::uint8_t& flag, Py_ssize_t owners = 0) {
    // A sole reference is the container's own: there is no second way to the object. For a root
    // that holds no longer: since 3.14 the caller's stack may hold it without a count.
    if (owners ? Py_REFCNT(object) == owners : Py_REFCNT(object) == 1 && depth_ > 0) {
      flag = 0;
      return false;
    }
    return noted(object, flag);
  }
  bool noted(PyObject* object, std::uint8_t& flag);

  /// An object that the receiver can make only when it has all its parts. One that is a part of
  /// itself is left to pickle.
  class Late {
   public:
    Late(Encoder& encoder, PyObject* object) : encoder_(encoder) {
      encoder.late_.push_back(object);
    }
    Late(const Late&) = delete;
    Late& operator=(const Late&) = delete;
    ~Late() { encoder_.late_.pop_back(); }

   private:
    Encoder& encoder_;
  };

  Context& context_;
  ClassTable::User uses_classes_;
  Mode mode_;
  std::unique_ptr<EncodeScratch> scratch_;
  Writer& writer_;
  Memo& memo_;
  ShapeTable& shapes_;
  std::vector<EncodeFrame>& frames_;
  core::Attachments& attachments_;
  std::uint64_t shape_message_;  ///< the shapes' id for this message
  std::int32_t next_shape_ = 0;
  /// Containers under way by recursion, and one more while there are frames.
  int depth_ = 0;
  std::size_t non_tuple_depth_ = 0;
  bool pinned_ = false;
  std::vector<PyObject*> late_;  ///< under way; borrowed
  bool is_cyclic_ = false;       ///< one of them was met again
  bool has_exceptions_ = false;
  ExceptionLinks exceptions_ = ExceptionLinks::kept;
  PyObject* whole_ = nullptr;  ///< borrowed
  MainSpace* collected_ = nullptr;
  std::vector<std::string>* needs_ = nullptr;
  py::Ref root_;
  std::string root_name_;
  py::Ref culprit_;
  std::string path_;
};

}  // namespace libatoll::transfer
