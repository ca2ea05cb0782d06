// Whether the process is on its way out.
#pragma once

namespace atoll::runtime::lifecycle {

void set_exiting(bool exiting) noexcept;

}  // namespace atoll::runtime::lifecycle
