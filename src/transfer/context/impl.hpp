// The parts of a Context. Only the sources of this layer include this.
#pragma once

#include <Python.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/object.hpp"
#include "py/cpython_compat.hpp"
#include "py/ref.hpp"
#include "transfer/classes/extension_types.hpp"
#include "transfer/classes/table.hpp"
#include "transfer/classes/type_table.hpp"
#include "transfer/context/caches.hpp"
#include "transfer/context/context.hpp"
#include "transfer/context/scratch.hpp"
#include "transfer/context/shapes.hpp"
#include "transfer/main/main_table.hpp"
#include "transfer/memory/release_list.hpp"
#include "transfer/stdlib/datetime_capi.hpp"
#include "transfer/stdlib/python_datetime.hpp"

namespace libatoll::transfer {

/// Interned strings that are looked up all the time.
struct Names {
  py::Ref main, dunder_module, dunder_file;
  py::Ref getinitargs, int_, member_name, is_safe, value, start, stop, step, bit_length;
  py::Status init();
};

/// What is imported from the standard library only when the first object needs it.
struct StdlibTypes {
  PyDateTime_CAPI* datetime = nullptr;
  py::Ref datetime_module;
  PythonDatetime python_datetime;
  py::Ref uuid_type, safe_uuid_type, safe_uuid_unknown;
  py::Ref decimal_type;
  std::array<py::Ref, 4> path_types;  ///< in the order of the names in stdlib_types.cpp
  py::Ref pickle_dumps, pickle_loads, pickling_error, dumps_names, loads_names, protocol,
      collect_buffer;
  py::Ref remote_traceback;
  py::Ref simple_namespace;
  py::Ref dispatch_table;   ///< copyreg's
  py::Ref namedtuple_code;  ///< of the __getnewargs__ of every named tuple
};

struct Context::Impl {
  py::Ref not_shareable_error;
  py::Ref task_interrupted;
  Names names;
  StdlibTypes stdlib_types;
  TypeTable types;
  ClassTable classes;
  KeyCache keys;
  ShapeTable sent_shapes;
  ShapeCache received_shapes;
  CodeCache codes;
  ScriptCache scripts;
  OneSlotCache<EncodeScratch> encode_scratch;
  OneSlotCache<DecodeScratch> decode_scratch;
  core::Handle<ReleaseList> releases;
  Py_ssize_t code_extra_index = -1;
  py::Ref shared_memory_type;  ///< exporter of memory that came from elsewhere
  py::Ref main_call_code;      ///< see main_frame.cpp
  py::Ref ready_module;        ///< the last that a name led to: nobody is importing it any more
  py::Ref support;             ///< module of what is written in Python (pickle/support.hpp)
  MainTable mains;
  Py_ssize_t noted_module_count = 0;                           ///< see modules/module_files.hpp
  std::pair<PyObject*, PyObject*> last_noted;                  ///< name and file: compared only
  std::unordered_map<std::string, std::string> noted_modules;  ///< files by name
  py::Ref reducers;                                            ///< see pickle_hooks.cpp
  std::array<ExtensionType, 32> extensions{};                  ///< by tag
  std::array<py::Ref, 32> extension_classes;                   ///< by tag
  std::vector<py::Ref> former_classes;  ///< replaced ones, still in the type table
};

}  // namespace libatoll::transfer
