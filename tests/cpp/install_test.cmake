# Installs libatoll into an empty prefix; then builds examples/cpp against it with find_package() and
# runs its tests, and compiles one program with pkg-config.
cmake_minimum_required(VERSION 3.21)

function(run)
  string(JOIN " " line ${ARGN})
  message(STATUS "${line}")
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE "${work}")
run(${CMAKE_COMMAND} --install ${build} --config ${config} --prefix ${work}/prefix)
foreach(file IN ITEMS include/atoll/atoll.hpp ${libdir}/libatoll.so ${libdir}/pkgconfig/atoll.pc)
  if(NOT EXISTS "${work}/prefix/${file}")
    message(FATAL_ERROR "not installed: ${file}")
  endif()
endforeach()
if(EXISTS "${work}/prefix/atoll")
  message(FATAL_ERROR "the Python package must not be part of a C++ installation")
endif()

set(flags "")
if(sanitize)
  set(flags "-fsanitize=${sanitize}")
endif()
run(${CMAKE_COMMAND} -S ${examples} -B ${work}/examples -G ${generator} -DCMAKE_BUILD_TYPE=${config}
  -DCMAKE_CXX_COMPILER=${compiler} -DCMAKE_CXX_FLAGS=${flags}
  -DCMAKE_PREFIX_PATH=${work}/prefix)
run(${CMAKE_COMMAND} --build ${work}/examples --config ${config})
run(${CMAKE_CTEST_COMMAND} --test-dir ${work}/examples --output-on-failure --no-tests=error -C ${config})

find_program(pkg_config NAMES pkg-config pkgconf)
if(NOT pkg_config)
  message(STATUS "no pkg-config: atoll.pc is not tested")
  return()
endif()
set(ENV{PKG_CONFIG_PATH} "${work}/prefix/${libdir}/pkgconfig:${python_libraries}/pkgconfig:$ENV{PKG_CONFIG_PATH}")
execute_process(COMMAND ${pkg_config} --cflags --libs atoll OUTPUT_VARIABLE arguments
  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(arguments UNIX_COMMAND "${arguments}")

# Every header stands alone, whatever was included before it.
file(GLOB headers RELATIVE "${work}/prefix/include" "${work}/prefix/include/atoll/*.hpp"
  "${work}/prefix/include/atoll/base/*.hpp")
foreach(header IN LISTS headers)
  file(WRITE "${work}/header.cpp" "#include <stdlib.h>\n#include <${header}>\nnamespace libatoll {}\nlong long number() { return atoll(\"7\"); }\n")
  run(${compiler} -std=c++20 -Wall -Wextra -Werror -fsyntax-only ${work}/header.cpp ${arguments})
endforeach()

file(WRITE "${work}/program.cpp" "#include <atoll/atoll.hpp>\n\nint main() {}\n")
run(${compiler} -std=c++20 -Wall -Wextra -Werror ${flags} ${work}/program.cpp -o ${work}/program ${arguments}
  -Wl,-rpath,${work}/prefix/${libdir} -Wl,-rpath,${python_libraries})
run(${work}/program)
