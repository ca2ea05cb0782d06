#include "transfer/python_datetime.hpp"

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

}  // namespace

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
