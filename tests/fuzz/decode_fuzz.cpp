// libFuzzer target: messages that no encoder wrote, to the decoder.
//
//   make fuzz                   10 minutes, from seeds that the encoder writes
//
// A decoder may refuse what it is given, and must not crash, nor touch memory that is not its own.
// It runs in an embedded CPython whose objects come from malloc, so that AddressSanitizer sees
// them. Left out are the payloads of pickles and marshalled code (ATOLL_FUZZING): what CPython does
// with wrong ones is its own affair.
#include <Python.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "core/memory/message.hpp"
#include "py/ref.hpp"
#include "transfer/context/context.hpp"
#include "transfer/transfer.hpp"

namespace {

using libatoll::core::Attachments;
using libatoll::core::Handle;
using libatoll::core::Message;
using libatoll::core::Object;
namespace transfer = libatoll::transfer;
namespace py = libatoll::py;

/// Classes for instances to belong to, and values that have every op in them.
constexpr const char* setup = R"(
import collections, dataclasses, datetime, decimal, enum, pathlib, sys, types, uuid

fuzz = types.ModuleType('fuzz')
sys.modules['fuzz'] = fuzz
exec('''
import collections, dataclasses, enum
@dataclasses.dataclass
class Data:
    a: object
    b: object = None
@dataclasses.dataclass(slots=True)
class Slots:
    a: object
    b: object = None
class Mixed(Slots):
    pass
class Color(enum.Enum):
    RED = 1
    GREEN = 2
Pair = collections.namedtuple('Pair', 'a b')
class Plain:
    @property
    def p(self): return 1
def function(value): return value
''', fuzz.__dict__)
f = fuzz
mixed = f.Mixed(1, [2]); mixed.extra = 3
cyclic = []; cyclic.append(cyclic)
rows = [{'a': i, 'b': str(i), 'c': [i, None]} for i in range(4)]
deep = None
for _ in range(80):
    deep = [f.Data(deep, {'k': deep})]
zone = datetime.timezone(datetime.timedelta(hours=1), 'x')
at = datetime.datetime(2024, 1, 2, 3, 4, 5, 6, zone)
values = [
    [None, True, False, ..., NotImplemented, 1, -70000, 1 << 40, 1 << 200, 1.5, 2j],
    ['ascii', 'caf\xe9', '\u20ac', '\U0001f600', 'x' * 300, b'bytes', bytearray(b'array')],
    [(1, (2,)), {1, 'a'}, frozenset({(1, 2)}), slice(1, None, 2), range(1, 10, 3)],
    [rows, rows[0], rows], cyclic, deep, {'k': {(1, 2): {}}},
    [datetime.date(2024, 1, 1), at, at.timetz(), datetime.timedelta(1, 2, 3), datetime.UTC, zone],
    [uuid.UUID(int=7), decimal.Decimal('1.5'), pathlib.PurePosixPath('/a/b')],
    [f.Data(1, f.Data), f.Data([1], 2), f.Slots(1), mixed, f.Color.RED, f.Pair(1, [2]), f.Plain()],
    [memoryview(b'memory'), lambda x: x, len],
]
)";

/// Nothing else is to be found by name: a wrong message must not call what it likes.
constexpr const char* lock_up = R"(
keep = dict(sys.modules)
for name in list(sys.modules):
    if name not in ('fuzz', 'sys', 'builtins', 'datetime', 'enum', 'collections', 'dataclasses', 'decimal', 'uuid', 'pathlib', '__main__'):
        del sys.modules[name]
def refuse(event, args):
    if event.split('.')[0] in ('os', 'subprocess', 'open', 'exec', 'compile', 'ctypes', 'socket', 'shutil', 'signal'):
        raise RuntimeError(event)
sys.addaudithook(refuse)
)";

[[noreturn]] void fail(const char* what) {
  if (PyErr_Occurred()) PyErr_Print();
  std::fprintf(stderr, "decode_fuzz: %s\n", what);
  std::abort();
}

class World {
 public:
  World() {
    setenv("PYTHONMALLOC", "malloc", 1);
    Py_InitializeEx(0);
    context_ = transfer::Context::create();
    if (!context_) fail("no context");
    transfer::register_context(PyInterpreterState_Get(), context_.get());
    if (PyRun_SimpleString(setup) != 0) fail("the set-up failed");
    PyObject* const main = PyModule_GetDict(PyImport_AddModule("__main__"));
    PyObject* const values = PyDict_GetItemString(main, "values");
    const char* const seeds = std::getenv("ATOLL_FUZZ_SEEDS");
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(values); ++i) {
      Message message;
      if (py::failed(transfer::encode(*context_, PyList_GET_ITEM(values, i), transfer::Mode::any,
                                      message))) {
        fail("a value cannot be encoded");
      }
      if (seeds) write(std::string(seeds) + "/seed" + std::to_string(i), message);
      for (std::size_t a = 0; a < message.attachment_count(); ++a) {
        attachments_.push_back(Handle<Object>::share(message.attachment(a)));
      }
    }
    if (PyRun_SimpleString(lock_up) != 0) fail("the set-up failed");
  }

  void decode(const std::uint8_t* data, std::size_t size) {
    Message message = Message::copy_of({reinterpret_cast<const std::byte*>(data), size});
    message.attach(std::make_unique<Attachments>(attachments_));
    const auto value = transfer::decode(*context_, std::as_const(message));
    if (static_cast<bool>(value) == (PyErr_Occurred() != nullptr)) fail("a value and an error");
    PyErr_Clear();
    // Cycles, now and then.
    if (++count_ % 1000 == 0) PyGC_Collect();
  }

 private:
  static void write(const std::string& path, const Message& message) {
    std::FILE* const file = std::fopen(path.c_str(), "wb");
    if (!file) fail("cannot write a seed");
    const auto bytes = message.bytes();
    std::fwrite(bytes.data(), 1, bytes.size(), file);
    std::fclose(file);
  }

  std::unique_ptr<transfer::Context> context_;
  Attachments attachments_;
  std::size_t count_ = 0;
};

World* world = nullptr;  // lives until the process ends

}  // namespace

// Before the seeds are read, which it writes.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  world = new World;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  world->decode(data, size);
  return 0;
}
