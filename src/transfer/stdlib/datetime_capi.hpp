// <datetime.h> without its static pointer to the C API: that pointer would be one for all
// interpreters, while each has a datetime module of its own (stdlib_types.hpp: datetime_api()).
#pragma once

#include <Python.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-variable"
#include <datetime.h>
#pragma GCC diagnostic pop
