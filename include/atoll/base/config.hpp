// How an interpreter is configured: PEP 684's per-interpreter settings.
#pragma once

#include <string>
#include <string_view>

namespace libatoll {

/// Which global interpreter lock a new interpreter uses.
enum class Gil {
  default_,  ///< CPython's default: shared
  shared,    ///< the main interpreter's
  own,       ///< one of its own: runs in parallel with all others
};

/// What an isolated interpreter does with extension modules that do not declare that interpreters
/// with GILs of their own may share them.
enum class Extensions {
  declared,   ///< refuse them, as CPython does
  automatic,  ///< load a private copy of their file, whose C statics are the interpreter's alone
  separate,   ///< private copies of all extension modules that are not the standard library's
};

/// What the environment variable ATOLL_EXTENSIONS says ("declared", "auto", "private"), else
/// automatic; on CPython 3.12 always declared. Interpreters are not made while it says something
/// else.
[[nodiscard]] Extensions default_extensions() noexcept;

/// The settings of `PyInterpreterConfig`. A default-constructed Config is `isolated()`.
struct Config {
  bool use_main_obmalloc = false;             ///< share the main interpreter's object allocator
  bool allow_fork = false;                    ///< `os.fork()` works
  bool allow_exec = false;                    ///< `os.exec*()` works
  bool allow_threads = true;                  ///< `threading.Thread.start()` works
  bool allow_daemon_threads = false;          ///< daemon threads may be started
  bool check_multi_interp_extensions = true;  ///< refuse extensions that do not support isolation
  Gil gil = Gil::own;
  /// Matters while check_multi_interp_extensions is set. All but `declared` allow daemon threads,
  /// too: they are told to end when the interpreter is closed.
  Extensions extensions = default_extensions();

  /// Everything of its own; what atoll creates by default.
  [[nodiscard]] static Config isolated() noexcept;
  /// What `Py_NewInterpreter()` makes: shares the GIL and the allocator with the main interpreter.
  [[nodiscard]] static Config legacy() noexcept;
  /// All settings off; not viable without changes.
  [[nodiscard]] static Config empty() noexcept;
  /// By preset name: "isolated", "legacy", "empty", or "" and "default" for isolated.
  /// Throws ConfigError for another name.
  [[nodiscard]] static Config named(std::string_view name);

  friend bool operator==(const Config&, const Config&) = default;
};

[[nodiscard]] std::string_view to_string(Gil gil) noexcept;
[[nodiscard]] std::string_view to_string(Extensions extensions) noexcept;
/// "declared", "auto" or "private"; throws ConfigError for anything else, and on CPython 3.12 for
/// all but "declared": extension modules that were made for one interpreter do not hold in its
/// others.
[[nodiscard]] Extensions extensions_from_string(std::string_view text);

/// "default", "shared" or "own"; throws ConfigError for anything else.
[[nodiscard]] Gil gil_from_string(std::string_view text);

}  // namespace libatoll
