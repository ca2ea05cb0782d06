#!/usr/bin/env bash
# A dataclass that cloudpickle sends by value comes out with a default for every field.
#
# cloudpickle 3.1.3, CPython 3.13 and 3.14. What Dask, joblib and Ray send of a script or notebook goes
# this way. `dataclasses.MISSING`, which stands for "no default", is compared by identity; it arrives as
# another object, so each field then has it as its default. The class itself keeps working, as its
# __init__ was made before; a dataclass that is derived from it in the receiver is refused, though the
# same lines work in the sender.
#
# One would guess: either all of it works, or loading fails. Seen:
#
#   no default, as the receiver sees it: False
#   TypeError: non-default argument 'y' follows default argument 'x'
#
#   PYTHON=python3.14 findings/cloudpickle_dataclass_fields_gain_defaults.sh
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -c 'import sys; sys.exit(not (3, 13) <= sys.version_info < (3, 15))' || {
    echo 'needs CPython 3.13 or 3.14: PYTHON=python3.14' >&2
    exit 2
}
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cloudpickle==3.1.3

cat >"$folder/send.py" <<'END'
import dataclasses
import sys

import cloudpickle


@dataclasses.dataclass
class Point:
    x: int


dataclasses.make_dataclass("Derived", [("y", int)], bases=(Point,))  # works here
sys.stdout.buffer.write(cloudpickle.dumps(Point))
END
cat >"$folder/receive.py" <<'END'
import dataclasses
import pickle
import sys

Point = pickle.load(sys.stdin.buffer)
assert Point(1).x == 1
is_missing = dataclasses.fields(Point)[0].default is dataclasses.MISSING
print("no default, as the receiver sees it:", is_missing)
try:
    dataclasses.make_dataclass("Derived", [("y", int)], bases=(Point,))
    print("derived")
except TypeError as error:
    print("TypeError:", error)
END
"$folder/venv/bin/python" "$folder/send.py" >"$folder/class"
"$folder/venv/bin/python" "$folder/receive.py" <"$folder/class" | tee "$folder/seen"
diff - "$folder/seen" <<'END'
no default, as the receiver sees it: False
TypeError: non-default argument 'y' follows default argument 'x'
END
