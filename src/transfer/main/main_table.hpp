// The `__main__` of each program, as this interpreter has it: its own, and stand-ins of others'.
//
// A stand-in is a module of its own, `<fake __main__>` in sys.modules, made when the first
// definition of another interpreter's `__main__` arrives. Everything of that `__main__` lives in
// it, and once: functions, classes, and the globals that they use. The receiver's own `__main__` is
// left alone.
//
//   sender     snapshot(space, names)   the bindings that these names need, directly or not
//   receiver   resolve(snapshot, name)  sets what is new here, and finds the definition
//
// Which definitions a stand-in makes itself, by running the script, and which go by value, is
// decided by python/main.py. These rules hold for both:
//
// - A value goes again when its global was bound anew, or when it is small and has changed.
// - A global that code in the receiver has bound is the receiver's from then on.
// - What comes home is found, not made: nothing that arrives changes the `__main__` it is from.
//
// Everything here runs in the interpreter of its Context with the GIL held. What runs Python code
// holds the table's lock (a Python RLock), so that two threads do not make one class twice.
#pragma once

#include <Python.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "py/ref.hpp"
#include "transfer/context/context.hpp"
#include "transfer/main/snapshot.hpp"

namespace libatoll::transfer {

/// A global of a `__main__` that was sent, or that has come.
struct MainEntry {
  py::Ref object;                      ///< the value that the rest tells of
  core::Handle<BindingRecord> record;  ///< empty: the script makes it, or it cannot be sent
  std::uint64_t newest = 0;            ///< receiver: greatest id of a binding that has come
  std::vector<std::string> needs;      ///< sender: globals that it uses, where there is no record
  py::Ref code, defaults, kwdefaults;  ///< sender: those that a function had
  bool is_compared = false;  ///< sender: small and mutable, so it is encoded again each time
};

/// One `__main__`.
struct MainSpace {
  /// A snapshot that was sent, and the globals that were looked at for it.
  struct Sent {
    core::Handle<MainSnapshot> snapshot;
    std::vector<std::pair<py::Ref, const MainEntry*>> globals;
    bool may_be_used_again = false;
  };

  std::int64_t home = 0;
  py::Ref module;
  py::Ref script;  ///< own `__main__`: the Script of python/main.py
  core::Handle<MainProgram> program;
  std::unordered_map<std::string, MainEntry> entries;
  std::unordered_map<std::string, Sent> sent;
  /// Weak references to functions and classes by the id of the binding that they went or came by.
  std::unordered_map<std::uint64_t, py::Ref> definitions;
  std::uint64_t installed = 0;  ///< id of the last snapshot of which all is here

  [[nodiscard]] PyObject* globals() const noexcept { return PyModule_GetDict(module.get()); }
};

class MainTable {
 public:
  MainTable() = default;
  MainTable(const MainTable&) = delete;
  MainTable& operator=(const MainTable&) = delete;
  ~MainTable() = default;

  /// Looks at the file of the script, when the program has just begun: one that changes later on
  /// is not what the program runs.
  void note_file(PyObject* main_module) noexcept;

  /// The space of an interpreter's `__main__` here. Null with an error set: there is none.
  MainSpace* find(Context& context, std::int64_t home);

  /// Is that the name of a stand-in, and for which interpreter's `__main__`?
  bool find_stand_in(PyObject* module_name, std::int64_t& home) const noexcept;

  /// The bindings that `names` need. A name that begins with `?` may be left out where its value
  /// cannot be sent. Empty with an error set on failure. Throws std::bad_alloc.
  core::Handle<MainSnapshot> snapshot(Context& context, MainSpace& space,
                                      std::span<const std::string> names);

  /// The definition that `qualname` names in the `__main__` of the snapshot.
  py::Ref resolve(Context& context, MainSnapshot& snapshot, PyObject* qualname);
  /// The same for a name in a pickle that was made without this table's help: what this
  /// `__main__` lacks is looked up in its file, which is run for that, as CPython does it.
  py::Ref resolve_in_file(Context& context, MainSnapshot& snapshot, PyObject* qualname);
  /// The globals of that `__main__` here (borrowed), with all of the snapshot in them.
  PyObject* globals(Context& context, MainSnapshot& snapshot);

 private:
  class Lock;

  MainSpace* own(Context& context);
  py::Status load_script(Context& context, MainSpace& space);
  bool is_unchanged(const MainSpace& space, const MainSpace::Sent& sent) const noexcept;
  py::Status update(Context& context, MainSpace& space, const std::string& name, PyObject* value,
                    MainEntry& entry, bool is_root, bool is_soft);
  core::Handle<BindingRecord> make_record(Context& context, MainSpace& space,
                                          const std::string& name, PyObject* value);

  MainSpace* stand_in(Context& context, MainSnapshot& snapshot);
  py::Status install(Context& context, MainSpace& space, MainSnapshot& snapshot);
  py::Status install_one(Context& context, MainSpace& space,
                         const core::Handle<BindingRecord>& record);
  py::Ref root_object(Context& context, MainSpace& space, MainSnapshot& snapshot,
                      std::string_view name);
  void note_definition(MainSpace& space, std::uint64_t id, PyObject* object);

  /// What identifies the contents of a file.
  struct FileStamp {
    std::int64_t seconds = 0, nanoseconds = 0, size = -1;
    friend bool operator==(const FileStamp&, const FileStamp&) noexcept = default;
  };
  static FileStamp stamp_of(PyObject* main_module) noexcept;

  std::unordered_map<std::int64_t, std::unique_ptr<MainSpace>> spaces_;
  FileStamp noted_;
};

/// Bindings on their way into a stand-in: what they are decoded from refers to others by name.
struct Installation {
  MainSnapshot& snapshot;
  /// Functions and classes that have been made and lack their state.
  std::vector<std::pair<core::Handle<BindingRecord>, py::Ref>> unfinished;
};

/// Holds the lock of python/main.py for as long as it lives.
class MainTable::Lock {
 public:
  explicit Lock(Context& context);
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock();
  /// False with an error set: not locked.
  explicit operator bool() const noexcept { return locked_; }

 private:
  py::Ref lock_;
  bool locked_ = false;
};

}  // namespace libatoll::transfer
