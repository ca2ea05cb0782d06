// What futures hold.
#pragma once

#include "api/pool/tasks.hpp"
#include "atoll/future.hpp"
#include "core/base/object.hpp"

namespace libatoll {

struct AnyFuture::Shared {
  core::Handle<api::ValueTask> task;
};

}  // namespace libatoll
