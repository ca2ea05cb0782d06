// What atoll throws.
#pragma once

#include "atoll/base/error.hpp"  // IWYU pragma: export
