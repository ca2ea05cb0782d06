// Whether the process is on its way out.
#pragma once

namespace libatoll::runtime::lifecycle {

/// The main interpreter's atexit callbacks have begun: no thread state is cached any more.
[[nodiscard]] bool is_exiting() noexcept;
/// They have begun in another thread: the calling one was admitted to an interpreter that may have
/// been made fit for CPython's finalization already, and must leave it alone.
[[nodiscard]] bool is_too_late() noexcept;
/// By the thread in which the process exits.
void set_exiting(bool exiting) noexcept;

}  // namespace libatoll::runtime::lifecycle
