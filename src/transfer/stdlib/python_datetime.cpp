#include "transfer/stdlib/python_datetime.hpp"

#include <string_view>

namespace libatoll::transfer {

namespace {

PyObject* as_object(PyTypeObject* type) {
  return reinterpret_cast<PyObject*>(type);
}

PyObject* make_date(int year, int month, int day, PyTypeObject* type) {
  return PyObject_CallFunction(as_object(type), "iii", year, month, day);
}

/// `fold` is a keyword only.
PyObject* call_with_fold(PyTypeObject* type, PyObject* stolen_args, int fold) {
  const auto args = py::Ref::steal(stolen_args);
  const auto kwargs = args ? py::Ref::steal(Py_BuildValue("{si}", "fold", fold)) : py::Ref();
  return kwargs ? PyObject_Call(as_object(type), args.get(), kwargs.get()) : nullptr;
}

PyObject* make_datetime(int year, int month, int day, int hour, int minute, int second,
                        int microsecond, PyObject* zone, int fold, PyTypeObject* type) {
  return call_with_fold(
      type, Py_BuildValue("(iiiiiiiO)", year, month, day, hour, minute, second, microsecond, zone),
      fold);
}

PyObject* make_time(int hour, int minute, int second, int microsecond, PyObject* zone, int fold,
                    PyTypeObject* type) {
  return call_with_fold(type, Py_BuildValue("(iiiiO)", hour, minute, second, microsecond, zone),
                        fold);
}

PyObject* make_delta(int days, int seconds, int microseconds, int, PyTypeObject* type) {
  return PyObject_CallFunction(as_object(type), "iii", days, seconds, microseconds);
}

PyObject* make_timezone(PyObject* offset, PyObject* name) {
  const auto module = py::Ref::steal(PyImport_ImportModule("datetime"));
  if (!module) return nullptr;
  return name ? PyObject_CallMethod(module.get(), "timezone", "OO", offset, name)
              : PyObject_CallMethod(module.get(), "timezone", "O", offset);
}

bool find_class(PyObject* module, const char* name, py::Ref& kept, PyTypeObject*& out) {
  kept = py::Ref::steal(PyObject_GetAttrString(module, name));
  if (!kept) return false;
  if (!PyType_Check(kept.get())) {
    PyErr_Format(PyExc_TypeError, "datetime.%s is not a class", name);
    return false;
  }
  out = reinterpret_cast<PyTypeObject*>(kept.get());
  return true;
}

PyObject* loaded_module(const char* name) {
  return PyDict_GetItemString(PyImport_GetModuleDict(), name);
}

/// As `tzinfo.__reduce__` of `_datetime`: without the slots, which a zone has in Python only.
PyObject* reduce_zone(PyObject*, PyObject* zone) {
  const auto args = py::Ref::steal(PyObject_CallMethod(zone, "__getinitargs__", nullptr));
  return args ? PyTuple_Pack(2, as_object(Py_TYPE(zone)), args.get()) : nullptr;
}

PyMethodDef reduce_zone_def = {"reduce_zone", reduce_zone, METH_O, nullptr};

py::Status align_class(PyObject* type, std::string_view name) {
  // 3.12 says `_pydatetime`, 3.13 `datetime`, as `_datetime` does.
  const auto home = py::Ref::steal(PyUnicode_InternFromString("datetime"));
  if (!home || PyObject_SetAttrString(type, "__module__", home.get()) != 0) {
    return py::Status::error;
  }
  if (name != "timezone") return py::Status::ok;
  const auto copyreg = py::Ref::steal(PyImport_ImportModule("copyreg"));
  const auto reduce = py::Ref::steal(PyCFunction_New(&reduce_zone_def, nullptr));
  if (!copyreg || !reduce) return py::Status::error;
  const auto done =
      py::Ref::steal(PyObject_CallMethod(copyreg.get(), "pickle", "OO", type, reduce.get()));
  return done ? py::Status::ok : py::Status::error;
}

}  // namespace

void align_python_datetime(PythonDatetime& known) noexcept {
  if (known.is_aligned) return;
  PyObject* const python = loaded_module("_pydatetime");
  PyObject* const module = python ? loaded_module("datetime") : nullptr;
  if (!module) return;
  known.is_aligned = true;
  for (const char* name : {"date", "datetime", "time", "timedelta", "timezone", "tzinfo"}) {
    const auto type = py::Ref::steal(PyObject_GetAttrString(python, name));
    const auto used = py::Ref::steal(PyObject_GetAttrString(module, name));
    // The main interpreter may have both modules.
    if (type && type.get() == used.get()) (void)align_class(type.get(), name);
    PyErr_Clear();
  }
}

PyDateTime_CAPI* python_datetime_api(PythonDatetime& out) {
  PyErr_Clear();  // what the search for the real one has set
  const auto module = py::Ref::steal(PyImport_ImportModule("datetime"));
  PyDateTime_CAPI& api = out.api;
  if (!module || !find_class(module.get(), "date", out.date, api.DateType) ||
      !find_class(module.get(), "datetime", out.datetime, api.DateTimeType) ||
      !find_class(module.get(), "time", out.time, api.TimeType) ||
      !find_class(module.get(), "timedelta", out.timedelta, api.DeltaType) ||
      !find_class(module.get(), "tzinfo", out.tzinfo, api.TZInfoType)) {
    return nullptr;
  }
  const auto timezone = py::Ref::steal(PyObject_GetAttrString(module.get(), "timezone"));
  out.utc = py::Ref::steal(timezone ? PyObject_GetAttrString(timezone.get(), "utc") : nullptr);
  if (!out.utc) return nullptr;
  api.TimeZone_UTC = out.utc.get();
  api.Date_FromDate = make_date;
  api.DateTime_FromDateAndTimeAndFold = make_datetime;
  api.Time_FromTimeAndFold = make_time;
  api.Delta_FromDelta = make_delta;
  api.TimeZone_FromTimeZone = make_timezone;
  return &api;
}

}  // namespace libatoll::transfer
