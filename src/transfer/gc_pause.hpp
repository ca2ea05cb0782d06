// Automatic garbage collection, held back while nothing but new objects is made.
//
// The collector starts after so many new containers, and looks at each of them; of a message that
// is being decoded none can be garbage. A pause may last only as long as no Python code can run: it
// would see gc.isenabled() return False, and its own gc.disable() would be undone.
#pragma once

#include <Python.h>

namespace libatoll::transfer {

class GcPause {
 public:
  GcPause() noexcept = default;
  GcPause(const GcPause&) = delete;
  GcPause& operator=(const GcPause&) = delete;
  ~GcPause() { end(); }

  void begin() noexcept { is_on_ = PyGC_Disable() != 0; }
  /// Nothing, if there is no pause.
  void end() noexcept {
    if (!is_on_) return;
    is_on_ = false;
    PyGC_Enable();
  }

 private:
  bool is_on_ = false;
};

}  // namespace libatoll::transfer
