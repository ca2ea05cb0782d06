// What futures hold.
#pragma once

#include "api/pool/jobs.hpp"
#include "atoll/future.hpp"
#include "core/base/object.hpp"

namespace libatoll {

struct AnyFuture::Shared {
  core::Handle<api::ValueJob> job;
};

}  // namespace libatoll
