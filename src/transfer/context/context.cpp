#include "transfer/context/context.hpp"

#include "transfer/context/impl.hpp"

namespace libatoll::transfer {

py::Status Names::init() {
  const struct {
    py::Ref Names::*name;
    const char* text;
  } all[] = {
      {&Names::main, "__main__"},
      {&Names::dunder_module, "__module__"},
      {&Names::dunder_file, "__file__"},
      {&Names::getinitargs, "__getinitargs__"},
      {&Names::int_, "int"},
      {&Names::member_name, "_name_"},
      {&Names::is_safe, "is_safe"},
      {&Names::value, "value"},
      {&Names::start, "start"},
      {&Names::stop, "stop"},
      {&Names::step, "step"},
      {&Names::bit_length, "bit_length"},
  };
  for (const auto& each : all) {
    this->*each.name = py::Ref::steal(PyUnicode_InternFromString(each.text));
    if (!(this->*each.name)) return py::Status::error;
  }
  return py::Status::ok;
}

Context::Context() : impl_(std::make_unique<Impl>()) {}

Context::~Context() {
  // Before the objects of this interpreter go: what they export is released here, or never.
  impl_->releases->close();
}

std::unique_ptr<Context> Context::create() {
  try {
    std::unique_ptr<Context> context(new Context);
    Impl& impl = context->impl();
    impl.releases = core::Handle<ReleaseList>::make();
    if (py::failed(impl.names.init())) return nullptr;
    impl.not_shareable_error = py::Ref::steal(PyErr_NewExceptionWithDoc(
        "atoll.interpreters.NotShareableError", "An object cannot be sent to another interpreter.",
        PyExc_TypeError, nullptr));
    impl.task_interrupted = py::Ref::steal(PyErr_NewExceptionWithDoc(
        "atoll.TaskInterrupted",
        "Raised in a task that is told to stop: it was cancelled, or has run for too long.\n\n"
        "Like KeyboardInterrupt it is no Exception. A task may catch it to clean up; whatever it\n"
        "returns or raises afterwards is dropped.",
        PyExc_BaseException, nullptr));
    if (!impl.not_shareable_error || !impl.task_interrupted) return nullptr;
    PyObject* const main = PyDict_GetItemWithError(PyImport_GetModuleDict(), impl.names.main.get());
    if (main && PyModule_Check(main)) impl.mains.note_file(main);
    PyErr_Clear();
    return context;
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
    return nullptr;
  }
}

PyObject* Context::not_shareable_error() const noexcept {
  return impl_->not_shareable_error.get();
}

PyObject* Context::task_interrupted() const noexcept {
  return impl_->task_interrupted.get();
}

}  // namespace libatoll::transfer
