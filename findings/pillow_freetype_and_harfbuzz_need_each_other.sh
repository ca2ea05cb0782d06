#!/usr/bin/env bash
# The shared libraries inside Pillow's wheel do not form a hierarchy: two of them need each other.
#
# Pillow 13.0.0, manylinux wheel for CPython 3.14, x86-64 (12.0.0 has only the second line). Its FreeType lists its HarfBuzz under DT_NEEDED, and that
# HarfBuzz lists its FreeType. Whoever walks the libraries of a wheel from the bottom up (to load them
# in order, copy, rename or check them) walks in a circle.
#
# One would guess: each library needs only what was built before it. Seen:
#
#   libfreetype -> libharfbuzz
#   libharfbuzz -> libfreetype
#
#   findings/pillow_freetype_and_harfbuzz_need_each_other.sh      (needs pip and readelf)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --no-deps \
    --only-binary :all: --python-version 3.14 --platform manylinux_2_28_x86_64 \
    --platform manylinux_2_27_x86_64 --dest "$folder" pillow==13.0.0
cd "$folder"
"${PYTHON:-python3}" -m zipfile -e pillow-*.whl .

needs() {
    readelf -d pillow.libs/"$1"-*.so* | sed -nE 's/.*NEEDED.*\[(lib(freetype|harfbuzz))-.*/\1/p'
}
seen=$(for name in libfreetype libharfbuzz; do
    for other in $(needs "$name"); do echo "$name -> $other"; done
done)
echo "$seen"
expected=$'libfreetype -> libharfbuzz\nlibharfbuzz -> libfreetype'
[ "$seen" = "$expected" ] || { echo "changed; expected: $expected" >&2; exit 1; }
