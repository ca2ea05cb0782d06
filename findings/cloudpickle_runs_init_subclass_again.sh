#!/usr/bin/env bash
# A class that cloudpickle sends by value registers itself a second time where it arrives.
#
# cloudpickle 3.1.3, CPython 3.12 to 3.15. The registry of a base class (a list that its
# __init_subclass__ fills) travels with what is in it, and then the subclass is made by calling its
# metaclass, which calls __init_subclass__ again. Plug-ins are listed twice, counters are off by one;
# where __init_subclass__ takes an argument of its own (class Sub(Base, key=...)), loading fails.
#
# One would guess: the registry arrives as it was. Seen:
#
#   sent: ['Sub'], received: ['Sub', 'Sub']
#   with an argument: TypeError: Base.__init_subclass__() missing 1 required positional argument: 'key'
#
#   PYTHON=python3.14 findings/cloudpickle_runs_init_subclass_again.sh
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cloudpickle==3.1.3

cat >"$folder/send.py" <<'END'
import sys

import cloudpickle

if sys.argv[1] == "plain":

    class Base:
        names = []

        def __init_subclass__(cls):
            Base.names.append(cls.__name__)

    class Sub(Base):
        pass

else:

    class Base:
        names = []

        def __init_subclass__(cls, key):
            Base.names.append(key)

    class Sub(Base, key="Sub"):
        pass


assert Base.names == ["Sub"]
sys.stdout.buffer.write(cloudpickle.dumps(Sub))
END
cat >"$folder/receive.py" <<'END'
import pickle
import sys

try:
    print("sent: ['Sub'], received:", pickle.load(sys.stdin.buffer).names)
except TypeError as error:
    print("with an argument: TypeError:", error)
END
for way in plain argument; do
    "$folder/venv/bin/python" "$folder/send.py" "$way" >"$folder/class"
    "$folder/venv/bin/python" "$folder/receive.py" <"$folder/class"
done | tee "$folder/seen"
diff - "$folder/seen" <<'END'
sent: ['Sub'], received: ['Sub', 'Sub']
with an argument: TypeError: Base.__init_subclass__() missing 1 required positional argument: 'key'
END
