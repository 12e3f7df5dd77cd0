#!/usr/bin/env bash
# Builds glue.wasm, a shared library, from the sources beside this script. CLANG and WASM_LD name other tools than
# clang-22 and wasm-ld-22 (Debian: clang-22, lld-22).
set -euo pipefail
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for source in cxx walk; do
  "${CLANG:-clang-22}" --target=wasm32-unknown-unknown -O2 -fPIC -nostdlib -ffreestanding -fno-builtin -fvisibility=default \
    -Wall -Wextra -Werror -c $source.c -o "$work/$source.o"
done
"${WASM_LD:-wasm-ld-22}" --experimental-pic -shared --no-entry --unresolved-symbols=import-dynamic --strip-all \
  "$work/cxx.o" "$work/walk.o" -o glue.wasm
chmod -x glue.wasm
sha256sum build.sh cxx.c glue.wasm walk.c >SHA256SUMS
