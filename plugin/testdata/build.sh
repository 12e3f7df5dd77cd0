#!/usr/bin/env bash
# Builds the plug-ins of this folder. Needs clang and lld of LLVM 22, and wasi-libc.
set -euo pipefail
cd "$(dirname "$0")"
for version in 1 2; do
  go run ../../cmd/lockstep cc -shared -threads -Os -DVERSION=$version -o counter-$version.wasm counter.c -Wl,--strip-all
done
