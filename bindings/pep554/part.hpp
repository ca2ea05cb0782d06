// What this folder keeps in each interpreter, and adds to the module.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

struct Pep554Part final : PartOf<Pep554Part> {
  static constexpr Folder folder = Folder::pep554;

  PyObject* error = nullptr;          ///< ChannelError
  PyObject* not_found = nullptr;      ///< ChannelNotFoundError
  PyObject* closed = nullptr;         ///< ChannelClosedError
  PyObject* empty = nullptr;          ///< ChannelEmptyError
  PyObject* not_empty = nullptr;      ///< ChannelNotEmptyError
  PyTypeObject* id_type = nullptr;    ///< ChannelID
  PyTypeObject* info_type = nullptr;  ///< ChannelInfo

  template <class Visit>
  void each(Visit visit) {
    visit(error);
    visit(not_found);
    visit(closed);
    visit(empty);
    visit(not_empty);
    visit(id_type);
    visit(info_type);
  }
};

[[nodiscard]] inline Pep554Part& pep554_of(const State& state) noexcept {
  return part_of<Pep554Part>(state);
}

/// The types ChannelID and ChannelInfo, the exceptions, and the functions of
/// `atoll.lowlevel.channels`.
[[nodiscard]] py::Status add_pep554(PyObject* module);

}  // namespace libatoll::bindings
