#!/usr/bin/env bash
# Builds the library of this folder. Needs clang and lld of LLVM 22, and wasi-libc.
set -euo pipefail
cd "$(dirname "$0")"
go run ../../../cmd/lockstep cc -shared -threads -Os -o types.wasm types.c -Wl,--strip-all
