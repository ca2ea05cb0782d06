# Two install components:
#   library   libatoll, its headers, CMake package and pkg-config file, for C++ programs
#   package   _atoll and libatoll side by side in the Python package `atoll`; wheels hold only this one
# A plain `cmake --install` takes the first.
include(CMakePackageConfigHelpers)

set(atoll_python_version "${Python_VERSION_MAJOR}.${Python_VERSION_MINOR}")
execute_process(COMMAND "${Python_EXECUTABLE}" -I -c "import sys; print(sys.base_prefix)"
  OUTPUT_VARIABLE atoll_python_prefix OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
set(atoll_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/atoll")

install(TARGETS atoll EXPORT atoll LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  COMPONENT library NAMELINK_COMPONENT library)
install(DIRECTORY include/atoll DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT library
  FILES_MATCHING PATTERN "*.hpp")
install(EXPORT atoll NAMESPACE atoll:: FILE atollTargets.cmake DESTINATION "${atoll_cmake_dir}" COMPONENT library)
configure_package_config_file(cmake/atollConfig.cmake.in "${PROJECT_BINARY_DIR}/atollConfig.cmake"
  INSTALL_DESTINATION "${atoll_cmake_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/atollConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/atollConfig.cmake" "${PROJECT_BINARY_DIR}/atollConfigVersion.cmake"
  DESTINATION "${atoll_cmake_dir}" COMPONENT library)

# Paths relative to the .pc file keep an installed tree movable; absolute GNUInstallDirs stay absolute.
foreach(dir IN ITEMS LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
    set(atoll_pc_${dir} "${CMAKE_INSTALL_${dir}}")
  else()
    set(atoll_pc_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
  endif()
endforeach()
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(atoll_pc_prefix "${CMAKE_INSTALL_PREFIX}")
else()
  file(RELATIVE_PATH up "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
  set(atoll_pc_prefix "\${pcfiledir}/${up}")
endif()
configure_file(cmake/atoll.pc.in "${PROJECT_BINARY_DIR}/atoll.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/atoll.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT library)

if(ATOLL_BUILD_EXTENSION)
  install(TARGETS _atoll LIBRARY DESTINATION atoll COMPONENT package EXCLUDE_FROM_ALL)
  # Wheels hold no symbolic links: the file itself takes the name that the loader looks for.
  install(PROGRAMS "$<TARGET_FILE:atoll>" RENAME "$<TARGET_SONAME_FILE_NAME:atoll>"
    DESTINATION atoll COMPONENT package EXCLUDE_FROM_ALL)
  # `site` reads it at the start of each Python: it carries atoll.install() to child processes. CPython 3.15
  # has .start files for that, which import pkgutil, re and the package each time; lines in .pth files work to 3.17.
  install(FILES python/site/atoll.pth DESTINATION . COMPONENT package EXCLUDE_FROM_ALL)
endif()
