#!/usr/bin/env bash
# Builds the fixtures beside this script: program.wasm, a main module as Emscripten makes them, and
# library.wasm, a shared library. CLANG and WASM_LD name other tools than clang-22 and wasm-ld-22
# (Debian: clang-22, lld-22).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags=(--target=wasm32-unknown-emscripten -O1 -nostdlib -ffreestanding -fno-builtin -std=c++20 -Wall -Wextra -Werror)
"${CLANG:-clang-22}" -x c++ "${flags[@]}" -fexceptions -mllvm -enable-emscripten-cxx-exceptions -mllvm -enable-emscripten-sjlj \
  -c src/program.cpp -o "$work/program.o"
"${CLANG:-clang-22}" -x c++ "${flags[@]}" -fno-exceptions -c src/support.cpp -o "$work/support.o"
"${WASM_LD:-wasm-ld-22}" --no-entry --export-table --growable-table --export=__stack_pointer --import-undefined \
  --strip-all --initial-memory=1048576 --max-memory=67108864 \
  "$work/program.o" "$work/support.o" -o program.wasm
"${CLANG:-clang-22}" -x c++ "${flags[@]}" -fPIC -fvisibility=default -fno-exceptions -c src/library.cpp -o "$work/library.o"
"${WASM_LD:-wasm-ld-22}" --experimental-pic -shared --no-entry --unresolved-symbols=import-dynamic --strip-all \
  "$work/library.o" -o library.wasm
chmod -x program.wasm library.wasm
sha256sum build.sh src/* ./*.wasm | sed 's| \./| |' >SHA256SUMS
