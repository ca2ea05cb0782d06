// Why a private copy could not be made or loaded.
#pragma once

#include <stdexcept>

namespace libatoll::runtime::extensions {

/// The message says what is wrong with the file; whoever reports it names the module.
class ExtensionError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace libatoll::runtime::extensions
