# Each interpreter has a GIL of its own here; a free-threaded CPython has none to give, and no isolated interpreters.

function(atoll_refuse_free_threading python)
  execute_process(
    COMMAND "${python}" -I -c "import sysconfig; print(sysconfig.get_config_var('Py_GIL_DISABLED') or 0)"
    OUTPUT_VARIABLE free_threaded OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(free_threaded)
    message(FATAL_ERROR "atoll cannot be built for ${python}: it is a free-threaded CPython, and atoll runs "
      "interpreters with a GIL each. Choose a standard build: -DPython_EXECUTABLE=/path/to/python3.14 "
      "(with pip: run that Python's pip). Threads of a free-threaded CPython use all cores without atoll.")
  endif()
endfunction()
