#!/usr/bin/env bash
# Builds cxx.wasm, a shared library, from cxx.c beside this script. CLANG and WASM_LD name other tools than
# clang-22 and wasm-ld-22 (Debian: clang-22, lld-22).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${CLANG:-clang-22}" --target=wasm32-unknown-unknown -Os -fPIC -nostdlib -ffreestanding -fno-builtin -fvisibility=default \
  -Wall -Wextra -Werror -c cxx.c -o "$work/cxx.o"
"${WASM_LD:-wasm-ld-22}" --experimental-pic -shared --no-entry --unresolved-symbols=import-dynamic --strip-all "$work/cxx.o" -o cxx.wasm
chmod -x cxx.wasm
sha256sum build.sh cxx.c cxx.wasm >SHA256SUMS
