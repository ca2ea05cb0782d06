// How an interpreter is configured.
#pragma once

#include "atoll/base/config.hpp"  // IWYU pragma: export
