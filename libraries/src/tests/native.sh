#!/usr/bin/env bash
# Records what the tests' programs do natively, with this machine's cc and c++: libraries/src/tests/native.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc -O2 -DNATIVE -w "$here/threads.c" -o "$work/threads" -lpthread
c++ -O2 -std=c++20 -DNATIVE -w "$here"/{libthrows,libcatches,libstandard}.cpp -o "$work/standard" -lpthread
for name in threads standard; do "$work/$name" >"$here/../../testdata/tests/$name.txt"; done
