// Whether the process is on its way out.
#pragma once

namespace libatoll::runtime::lifecycle {

void set_exiting(bool exiting) noexcept;

}  // namespace libatoll::runtime::lifecycle
