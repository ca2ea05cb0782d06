// Names of configurations, and what CPython is told of them.
#include "runtime/interpreter/config.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "../../support.hpp"
#include "atoll/error.hpp"
#include "py/cpython_compat.hpp"

using namespace libatoll;
using libatoll::test::text_of;

TEST_CASE("configurations by name") {
  CHECK(Config::named("isolated").gil == Gil::own);
  CHECK(Config::named("").gil == Gil::own);
  CHECK(Config::named("default").check_multi_interp_extensions);
  CHECK(Config::named("legacy").gil == Gil::shared);
  CHECK(Config::named("legacy").use_main_obmalloc);
  CHECK(Config::named("empty").gil == Gil::default_);
  CHECK_FALSE(Config::named("empty").allow_threads);
  CHECK(text_of<ConfigError>([] { (void)Config::named("Isolated"); }).find("'Isolated'") !=
        std::string::npos);
}

TEST_CASE("words for GILs and extensions, there and back") {
  for (const Gil gil : {Gil::default_, Gil::shared, Gil::own}) {
    CHECK(gil_from_string(to_string(gil)) == gil);
  }
  CHECK_THROWS_AS((void)gil_from_string("none"), ConfigError);
  CHECK(extensions_from_string("declared") == Extensions::declared);
#if ATOLL_HAS_PRIVATE_EXTENSIONS
  CHECK(extensions_from_string("auto") == Extensions::automatic);
  CHECK(extensions_from_string("private") == Extensions::separate);
#else
  CHECK_THROWS_AS((void)extensions_from_string("auto"), ConfigError);
#endif
  CHECK_THROWS_AS((void)extensions_from_string("shared"), ConfigError);
  CHECK(to_string(Extensions::separate) == "private");
}

TEST_CASE("what CPython is told") {
  const PyInterpreterConfig isolated = runtime::to_cpython(Config::isolated());
  CHECK(isolated.gil == PyInterpreterConfig_OWN_GIL);
  CHECK(isolated.use_main_obmalloc == 0);
  CHECK(isolated.check_multi_interp_extensions == 1);
  const PyInterpreterConfig legacy = runtime::to_cpython(Config::legacy());
  CHECK(legacy.gil == PyInterpreterConfig_SHARED_GIL);
  CHECK(legacy.use_main_obmalloc == 1);
  CHECK(legacy.allow_fork == 1);
  CHECK(legacy.allow_daemon_threads == 1);
  Config config = Config::isolated();
  config.allow_daemon_threads = false;
  config.extensions = Extensions::declared;
  CHECK(runtime::to_cpython(config).allow_daemon_threads == 0);
  config.extensions = Extensions::automatic;
  CHECK(runtime::to_cpython(config).allow_daemon_threads == 1);
}

TEST_CASE("combinations that CPython refuses") {
  CHECK_NOTHROW(runtime::require_viable(Config::isolated()));
  CHECK_NOTHROW(runtime::require_viable(Config::legacy()));
  Config config = Config::isolated();
  config.check_multi_interp_extensions = false;
  CHECK_THROWS_AS(runtime::require_viable(config), InterpreterError);
  config = Config::legacy();
  config.gil = Gil::own;
  CHECK_THROWS_AS(runtime::require_viable(config), InterpreterError);
  setenv("ATOLL_EXTENSIONS", "sometimes", 1);
  CHECK(text_of<InterpreterError>([] {
          runtime::require_viable(Config::isolated());
        }).find("ATOLL_EXTENSIONS") != std::string::npos);
  unsetenv("ATOLL_EXTENSIONS");
  CHECK_NOTHROW(runtime::require_viable(Config::isolated()));
}
