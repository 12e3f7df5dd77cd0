#!/usr/bin/env bash
# Records in want.txt what the scenarios do on this machine: programs/testdata/native.sh. It needs gcc and glibc.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir aside
build() {
  local name=$1 needs=$2
  shift 2
  gcc -D_GNU_SOURCE -w -O1 -fPIC -shared "-DPART_$name" "$here/src/parts.c" -Wl,--no-as-needed -L. ${needs:+$(printf -- '-l%s ' $needs)} "$@" -o "lib$name.so"
}
while read -r name needs; do build "$name" "$needs"; done <"$here/src/parts.txt"
build ring1 ring2
build runpath '' '-Wl,-rpath,$ORIGIN/aside'
mv libinner.so aside/
rm libgone.so
gcc -D_GNU_SOURCE -w -O1 "$here/src/scenarios.c" -o scenarios -ldl
LD_LIBRARY_PATH=. stdbuf -o0 ./scenarios >"$here/want.txt"
