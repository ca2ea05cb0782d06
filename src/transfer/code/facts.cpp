#include "transfer/code/facts.hpp"

#include <algorithm>
#include <atomic>
#include <memory>

namespace libatoll::transfer {
namespace {

/// Opcode numbers differ from version to version; an opcode that this one lacks is `absent`.
struct Opcodes {
  static constexpr int absent = -1;
  int load_global = absent;
  int store_global = absent;
  int delete_global = absent;
  int load_name = absent;
  int store_name = absent;
  int delete_name = absent;
  int load_const = absent;
  int load_common_constant = absent;
  int common_constant_none = absent;
  int return_const = absent;
  int return_value = absent;
  int extended_arg = absent;
  int cache = absent;
};

py::Status find_common_none(PyObject* module, Opcodes& opcodes) {
  const auto constants = py::Ref::steal(PyObject_GetAttrString(module, "_common_constants"));
  if (!constants) {
    PyErr_Clear();
    return py::Status::ok;
  }
  const auto items = py::Ref::steal(PySequence_Tuple(constants.get()));
  if (!items) return py::Status::error;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.get()); ++i) {
    if (PyTuple_GET_ITEM(items.get(), i) == Py_None) {
      opcodes.common_constant_none = static_cast<int>(i);
    }
  }
  return py::Status::ok;
}

std::unique_ptr<Opcodes> load_opcodes() {
  const auto module = py::Ref::steal(PyImport_ImportModule("opcode"));
  if (!module) return nullptr;
  const auto numbers = py::Ref::steal(PyObject_GetAttrString(module.get(), "opmap"));
  if (!numbers) return nullptr;
  auto opcodes = std::make_unique<Opcodes>();
  const struct {
    const char* name;
    int Opcodes::*number;
  } wanted[] = {
      {"LOAD_GLOBAL", &Opcodes::load_global},
      {"STORE_GLOBAL", &Opcodes::store_global},
      {"DELETE_GLOBAL", &Opcodes::delete_global},
      {"LOAD_NAME", &Opcodes::load_name},
      {"STORE_NAME", &Opcodes::store_name},
      {"DELETE_NAME", &Opcodes::delete_name},
      {"LOAD_CONST", &Opcodes::load_const},
      {"LOAD_COMMON_CONSTANT", &Opcodes::load_common_constant},
      {"RETURN_CONST", &Opcodes::return_const},
      {"RETURN_VALUE", &Opcodes::return_value},
      {"EXTENDED_ARG", &Opcodes::extended_arg},
      {"CACHE", &Opcodes::cache},
  };
  for (const auto& each : wanted) {
    const auto number = py::Ref::steal(PyMapping_GetItemString(numbers.get(), each.name));
    if (!number) {
      PyErr_Clear();
      continue;
    }
    const long value = PyLong_AsLong(number.get());
    if (value == -1 && PyErr_Occurred()) return nullptr;
    (*opcodes).*each.number = static_cast<int>(value);
  }
  if (py::failed(find_common_none(module.get(), *opcodes))) return nullptr;
  return opcodes;
}

/// The numbers are those of the process's CPython, so one table serves all interpreters.
const Opcodes* opcodes() {
  static std::atomic<const Opcodes*> known{nullptr};
  if (const Opcodes* table = known.load(std::memory_order_acquire)) return table;
  std::unique_ptr<Opcodes> made = load_opcodes();
  if (!made) return nullptr;
  const Opcodes* expected = nullptr;
  if (!known.compare_exchange_strong(expected, made.get(), std::memory_order_acq_rel)) {
    return expected;
  }
  return made.release();
}

void note_global(CodeFacts& facts, std::uint32_t name) {
  if (std::find(facts.global_names.begin(), facts.global_names.end(), name) ==
      facts.global_names.end()) {
    facts.global_names.push_back(name);
  }
}

}  // namespace

py::Status find_facts(PyObject* code_object, CodeFacts& facts) {
  const Opcodes* const table = opcodes();
  if (!table) return py::Status::error;
  auto* const code = reinterpret_cast<PyCodeObject*>(code_object);
  const auto bytecode = py::Ref::steal(PyCode_GetCode(code));
  if (!bytecode) return py::Status::error;
  const auto* units = reinterpret_cast<const unsigned char*>(PyBytes_AS_STRING(bytecode.get()));
  const Py_ssize_t length = PyBytes_GET_SIZE(bytecode.get());
  PyObject* const constants = code->co_consts;
  const auto is_none = [constants](std::uint32_t index) {
    return index < static_cast<std::size_t>(PyTuple_GET_SIZE(constants)) &&
           PyTuple_GET_ITEM(constants, index) == Py_None;
  };

  std::uint32_t extended = 0;
  bool none_on_top = false;  // the instruction before this one pushed None
  for (Py_ssize_t i = 0; i + 1 < length; i += 2) {
    const int op = units[i];
    const std::uint32_t arg = extended << 8 | units[i + 1];
    if (op == table->extended_arg) {
      extended = arg;
      continue;
    }
    extended = 0;
    // The inline caches behind an instruction; a pushed None is still on top.
    if (op == table->cache) continue;
    bool pushes_none = false;
    if (op == table->load_global) {
      note_global(facts, arg >> 1);  // the low bit asks for a NULL on the stack
    } else if (op == table->load_name) {
      note_global(facts, arg);
    } else if (op == table->store_global || op == table->delete_global || op == table->store_name ||
               op == table->delete_name) {
      facts.stores_globals = true;
    } else if (op == table->load_const) {
      pushes_none = is_none(arg);
    } else if (op == table->load_common_constant) {
      pushes_none = static_cast<int>(arg) == table->common_constant_none;
    } else if (op == table->return_const) {
      if (!is_none(arg)) facts.returns_only_none = false;
    } else if (op == table->return_value) {
      if (!none_on_top) facts.returns_only_none = false;
    }
    none_on_top = pushes_none;
  }
  if (code->co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)) {
    facts.returns_only_none = false;
  }
  return py::Status::ok;
}

}  // namespace libatoll::transfer
