#!/usr/bin/env bash
# Builds the modules of this folder with lockstep cc itself. Needs clang and lld of LLVM 22, and wasi-libc.
set -euo pipefail
cd "$(dirname "$0")"
go run ../.. cc -small -Oz -o program.wasm program.c -Wl,--strip-all
go run ../.. cc -shared -Oz -o answer.wasm answer.c -Wl,--strip-all
