# atoll_embed_python(PREFIX FOLDER NAME...): the text of FOLDER/NAME.py in the variable PREFIX_NAME, for
# a header that is made by configure_file(). What is written in Python becomes text in the library, which
# works without the Python package.
function(atoll_embed_python prefix folder)
  foreach(name IN LISTS ARGN)
    set(file "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/${name}.py")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
    file(READ "${file}" text)
    set(${prefix}_${name} "${text}" PARENT_SCOPE)
  endforeach()
endfunction()
