// What this folder keeps in each interpreter, and adds to the module.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

struct ChannelsPart final : PartOf<ChannelsPart> {
  static constexpr Folder folder = Folder::channels;

  PyObject* closed = nullptr;             ///< atoll.Closed
  PyObject* would_block = nullptr;        ///< atoll.WouldBlock
  PyTypeObject* sender_type = nullptr;    ///< atoll.Sender
  PyTypeObject* receiver_type = nullptr;  ///< atoll.Receiver
  PyTypeObject* selected_type = nullptr;  ///< atoll.Selected

  template <class Visit>
  void each(Visit visit) {
    visit(closed);
    visit(would_block);
    visit(sender_type);
    visit(receiver_type);
    visit(selected_type);
  }
};

[[nodiscard]] inline ChannelsPart& channels_of(const State& state) noexcept {
  return part_of<ChannelsPart>(state);
}

/// atoll.channel(), after(), ticker(), select(), their types and exceptions.
[[nodiscard]] py::Status add_channels(PyObject* module);

}  // namespace libatoll::bindings
