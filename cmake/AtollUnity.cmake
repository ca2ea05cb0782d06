# atoll_unite_folders(TARGET): compiles the sources of TARGET that lie in one folder as one source. Most of the time that
# a source takes goes into headers, which its neighbours include too. What defines a Python type stays by
# itself: all of these have a `spec`, `slots` and `methods`.
function(atoll_unite_folders target)
  get_target_property(sources ${target} SOURCES)
  get_target_property(home ${target} SOURCE_DIR)
  foreach(source IN LISTS sources)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${home}" NORMALIZE)
    file(STRINGS "${source}" spec REGEX "^PyType_Spec spec = ")
    if(spec)
      set_property(SOURCE "${source}" TARGET_DIRECTORY ${target} PROPERTY SKIP_UNITY_BUILD_INCLUSION ON)
    endif()
    cmake_path(GET source PARENT_PATH folder)
    cmake_path(RELATIVE_PATH folder BASE_DIRECTORY "${PROJECT_SOURCE_DIR}")
    string(MAKE_C_IDENTIFIER "${folder}" folder)
    set_property(SOURCE "${source}" TARGET_DIRECTORY ${target} PROPERTY UNITY_GROUP ${folder})
  endforeach()
  # With more to inline GCC (12 and 16) sees an overlap in core::Message that is not there.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endfunction()
