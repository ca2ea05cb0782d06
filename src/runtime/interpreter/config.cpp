#include "runtime/interpreter/config.hpp"

#include <cstdlib>
#include <string>

#include "atoll/base/error.hpp"
#include "py/cpython_compat.hpp"

namespace libatoll {

Config Config::isolated() noexcept {
  return Config{};
}

Config Config::legacy() noexcept {
  return {.use_main_obmalloc = true,
          .allow_fork = true,
          .allow_exec = true,
          .allow_threads = true,
          .allow_daemon_threads = true,
          .check_multi_interp_extensions = false,
          .gil = Gil::shared};
}

Config Config::empty() noexcept {
  return {.use_main_obmalloc = false,
          .allow_fork = false,
          .allow_exec = false,
          .allow_threads = false,
          .allow_daemon_threads = false,
          .check_multi_interp_extensions = false,
          .gil = Gil::default_};
}

Config Config::named(std::string_view name) {
  if (name.empty() || name == "default" || name == "isolated") return isolated();
  if (name == "legacy") return legacy();
  if (name == "empty") return empty();
  throw ConfigError("unsupported config name '" + std::string(name) +
                    "'; use 'isolated', 'legacy' or 'empty'");
}

std::string_view to_string(Gil gil) noexcept {
  switch (gil) {
    case Gil::shared:
      return "shared";
    case Gil::own:
      return "own";
    case Gil::default_:
      break;
  }
  return "default";
}

Gil gil_from_string(std::string_view text) {
  if (text == "default") return Gil::default_;
  if (text == "shared") return Gil::shared;
  if (text == "own") return Gil::own;
  throw ConfigError("unsupported gil '" + std::string(text) +
                    "'; use 'own', 'shared' or 'default'");
}

std::string_view to_string(Extensions extensions) noexcept {
  switch (extensions) {
    case Extensions::automatic:
      return "auto";
    case Extensions::separate:
      return "private";
    case Extensions::declared:
      break;
  }
  return "declared";
}

Extensions extensions_from_string(std::string_view text) {
  if (text == "declared") return Extensions::declared;
  if (text != "auto" && text != "private") {
    throw ConfigError("unsupported extensions '" + std::string(text) +
                      "'; use 'auto', 'private' or 'declared'");
  }
#if !ATOLL_HAS_PRIVATE_EXTENSIONS
  throw ConfigError("extensions='" + std::string(text) +
                    "' needs CPython 3.13 or newer: on 3.12 private copies of NumPy, pydantic and "
                    "Polars crash or hang");
#else
  return text == "auto" ? Extensions::automatic : Extensions::separate;
#endif
}

Extensions default_extensions() noexcept {
#if ATOLL_HAS_PRIVATE_EXTENSIONS
  const char* const wish = std::getenv("ATOLL_EXTENSIONS");
  const std::string_view text = wish ? wish : "";
  if (text == "declared") return Extensions::declared;
  return text == "private" ? Extensions::separate : Extensions::automatic;
#else
  return Extensions::declared;
#endif
}

namespace runtime {

PyInterpreterConfig to_cpython(const Config& config) noexcept {
  PyInterpreterConfig out{};
  out.use_main_obmalloc = config.use_main_obmalloc;
  out.allow_fork = config.allow_fork;
  out.allow_exec = config.allow_exec;
  out.allow_threads = config.allow_threads;
  // Packages that come with extension modules start them as well.
  out.allow_daemon_threads =
      config.allow_daemon_threads || config.extensions != Extensions::declared;
  out.check_multi_interp_extensions = config.check_multi_interp_extensions;
  switch (config.gil) {
    case Gil::default_:
      out.gil = PyInterpreterConfig_DEFAULT_GIL;
      break;
    case Gil::shared:
      out.gil = PyInterpreterConfig_SHARED_GIL;
      break;
    case Gil::own:
      out.gil = PyInterpreterConfig_OWN_GIL;
      break;
  }
  return out;
}

void require_viable(const Config& config) {
  if (const char* const wish = std::getenv("ATOLL_EXTENSIONS"); wish && *wish) {
    try {
      (void)extensions_from_string(wish);
    } catch (const ConfigError& error) {
      throw InterpreterError(
          "interpreter creation failed: the environment variable "
          "ATOLL_EXTENSIONS: " +
          std::string(error.what()));
    }
  }
  if (!config.use_main_obmalloc && !config.check_multi_interp_extensions) {
    throw InterpreterError(
        "interpreter creation failed: per-interpreter obmalloc does not support single-phase init "
        "extension modules (set use_main_obmalloc or check_multi_interp_extensions)");
  }
  if (config.gil == Gil::own && config.use_main_obmalloc) {
    throw InterpreterError(
        "interpreter creation failed: an own GIL needs an own allocator "
        "(use_main_obmalloc must be false)");
  }
}

}  // namespace runtime
}  // namespace libatoll
