#!/usr/bin/env bash
# Builds the plugins of this example: examples/plugins/build.sh [DIRECTORY]
#
# A plugin of your own is built by the two commands below. It may use the C library without linking it: the main module
# has it. CLANG and WASM_LD name other tools than those of LLVM 22 (Debian: clang-22, lld-22, wasi-libc).
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:-$here/testdata}
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# plugin NAME SOURCE FLAG...
plugin() {
  local name=$1 source=$2
  shift 2
  # The main module is built for threads, so a plugin is, too.
  "${CLANG:-clang-22}" --target=wasm32-wasi -Wno-deprecated -O2 -Wall -Wextra -Werror -fPIC -fvisibility=default \
    -matomics -mbulk-memory "$@" -c "$here/src/$source.c" -o "$work/$name.o"
  "${WASM_LD:-wasm-ld-22}" --experimental-pic -shared --unresolved-symbols=import-dynamic --strip-all \
    --shared-memory --max-memory=$((1 << 32)) "$work/$name.o" -o "$out/$name.wasm"
  chmod -x "$out/$name.wasm"
}

plugin upper upper
plugin number-1 number
plugin number-2 number '-DFORMAT="#%03u "'
plugin tell tell
plugin traps traps
plugin broken broken

{
  (cd "$here" && sha256sum build.sh src/*)
  (cd "$out" && sha256sum *.wasm | sed 's|  |  testdata/|')
} >"$work/SHA256SUMS"
mv "$work/SHA256SUMS" "$out/SHA256SUMS"
