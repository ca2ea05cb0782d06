// What is known of the classes that Python code defines: how their instances travel.
//
// An instance travels natively where that brings the same as pickle: its class by name, and what it
// consists of. For that its class must leave pickling to `object`, `tuple` (named tuples) or
// `Enum`. The answer is kept for as long as neither the class nor a base of it changes
// (PyType_Watch).
#pragma once

#include <Python.h>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "py/ref.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

enum class Carriage : std::uint8_t {
  none,         ///< by pickle
  instance,     ///< attributes and slots
  named_tuple,  ///< items
  member,       ///< of an enum: its name
  registered,   ///< what the user's function makes of it
};

struct ClassFacts {
  py::Ref type;  ///< so that no other class gets its address
  Carriage carriage = Carriage::none;
  bool has_dict = false;       ///< instance: of attributes
  bool all_slots = false;      ///< instance: pickle refuses one that lacks a slot
  bool is_stale = false;       ///< the class has changed
  std::vector<py::Ref> slots;  ///< instance: their names
  py::Ref descriptors;         ///< instance: a set of the names of properties and the like, or null
  py::Ref members;             ///< member: dict of name -> member
  py::Ref encode, decode;      ///< registered
};

class ClassTable {
 public:
  ClassTable() = default;
  ClassTable(const ClassTable&) = delete;
  ClassTable& operator=(const ClassTable&) = delete;
  ~ClassTable() {
    if (watcher_ >= 0) PyType_ClearWatcher(watcher_);
  }

  /// Facts live as long as one of these: encoders and decoders have one.
  class User {
   public:
    explicit User(ClassTable& table) noexcept : table_(table) { ++table.users_; }
    User(const User&) = delete;
    User& operator=(const User&) = delete;
    ~User() {
      if (--table_.users_ == 0) table_.tidy();
    }

   private:
    ClassTable& table_;
  };

  /// Null with a Python error set on failure. Throws std::bad_alloc.
  [[nodiscard]] const ClassFacts* find(Context& context, PyTypeObject* type);

  /// Makes exact instances of `type` travel as `encode` says; both empty: no longer.
  void set_registered(PyTypeObject* type, py::Ref encode, py::Ref decode);
  /// Null: it is not registered.
  [[nodiscard]] const ClassFacts* find_registered(PyTypeObject* type) const noexcept {
    const auto found = registered_.find(type);
    return found == registered_.end() ? nullptr : found->second.get();
  }
  [[nodiscard]] bool has_registered() const noexcept { return !registered_.empty(); }

  /// A watched class has changed.
  void forget(PyTypeObject* type) noexcept;

 private:
  static constexpr std::size_t most = 1024;
  using Map = std::unordered_map<PyTypeObject*, std::unique_ptr<ClassFacts>>;

  void tidy() noexcept;

  Map known_;
  Map registered_;
  std::vector<std::unique_ptr<ClassFacts>> retired_;  ///< replaced while they were in use
  const ClassFacts* latest_ = nullptr;
  std::size_t users_ = 0;
  Py_ssize_t reducers_ = -1;  ///< how many classes had one in copyreg.dispatch_table
  int watcher_ = -1;
};

}  // namespace libatoll::transfer
