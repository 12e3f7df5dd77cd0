#!/usr/bin/env bash
# Builds the programs and libraries beside this script: programs/testdata/build.sh [DIRECTORY]
#
# Without DIRECTORY the modules, SHA256SUMS and TOOLCHAIN beside this script are replaced; with it they are written there. It
# needs Debian's packages clang-22, lld-22, wasi-libc, libclang-rt-22-dev-wasm32 and libc++-22-dev-wasm32. The same compiler
# gives the same bytes. native.sh records what the same sources do on the machine that it runs on.
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
src=$here/src
root=$(cd "$here/../.." && pwd)
out=${1:-$here}
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

clang=${CLANG:-clang-22}
ld=${WASM_LD:-wasm-ld-22}
flags=(--target=wasm32-wasi -Wno-deprecated -O2 -DNDEBUG -fvisibility=default -Wall -Wextra -Werror "-I$root/include" "-I$src"
  "-ffile-prefix-map=$root=/")
threads=(-matomics -mbulk-memory)
shared=(--experimental-pic -shared --unresolved-symbols=import-dynamic --strip-all)
any_memory=(--shared-memory --max-memory=$((1 << 32)))
tls=(--export-if-defined=__wasm_init_tls --export-if-defined=__tls_size --export-if-defined=__tls_align
  --export-if-defined=__tls_base)

# library NAME [LIBRARY...]: src/NAME.c, or .cpp, as threads/NAME.so and plain/NAME.so, which need the others.
library() {
  local name=$1 source=$src/$1.c extra=() kind compile link
  [ -f "$source" ] || source=$src/$1.cpp extra=(-std=c++20 -fno-exceptions)
  shift
  for kind in plain threads; do
    compile=() link=()
    [ $kind = plain ] || compile=("${threads[@]}") link=("${any_memory[@]}" "${tls[@]}")
    "$clang" "${flags[@]}" "${extra[@]}" "${compile[@]}" -fPIC -c "$source" -o "$work/$name.o"
    mkdir -p "$out/$kind"
    (cd "$out/$kind" && "$ld" "${shared[@]}" "${link[@]}" "$work/$name.o" "$@" -o "$name.so")
  done
}

# program NAME FLAG...: an executable of src/life.c with Debian's libc.
program() {
  local name=$1
  shift
  "$clang" "${flags[@]}" --no-wasm-opt -Wl,--strip-all "$src/life.c" "$@" -o "$out/$name.wasm"
}

exports=(-Wl,--export=malloc,--export=free,--export=puts,--export=__stack_pointer,--export=exit)
table=(-Wl,--export-table,--growable-table)
library liblife
program life-readme -Wl,--export-all "${table[@]}"                             # as the README says
program life-named "${exports[@]}" -Wl,--export=atexit "${table[@]}"           # each exported function in a wrapper
program life-unhooked "${exports[@]}" "${table[@]}"                            # and the C library keeps its atexit to itself
program life-crt1 "${exports[@]}" -Wl,--export=atexit "${table[@]}" -nostartfiles "$src/crt1.c"
program life-crt1-all -Wl,--export-all "${table[@]}" -nostartfiles "$src/crt1.c"
program life-reactor -DNO_MAIN -mexec-model=reactor -Wl,--export-all "${table[@]}"

# A program at fixed addresses that names a library, and one that was not linked to load anything.
library libpointers
library libfixed
"$clang" "${flags[@]}" -fPIC -c "$src/fixed.c" -o "$work/fixed.o"
(cd "$out/plain" && "$clang" "${flags[@]}" --no-wasm-opt "$work/fixed.o" -o "$out/fixed.wasm" \
  -Wl,-Bdynamic,--experimental-pic,--export-all,--strip-all "${table[@]}" libfixed.so)
"$clang" "${flags[@]}" --no-wasm-opt -Wl,--strip-all "$src/static.c" -o "$out/static.wasm"

# A program with functions of <dlfcn.h> that can do nothing.
"$clang" "${flags[@]}" --no-wasm-opt -Wl,--export-all,--strip-all "${table[@]}" "$src/stubs.c" -o "$out/stubs.wasm"

# A position-independent program, whose C library is a shared library as well: the layout of wasi-sdk's.
library libsmallc

# Two C++ libraries, for libraries/testdata/main-libcxx.wasm, and one that needs both.
library libcastmake
library libcastask
library libcastboth libcastmake.so libcastask.so
for name in life pie_main crt1; do
  "$clang" "${flags[@]}" "${threads[@]}" -DNO_MAIN -fPIC -c "$src/$name.c" -o "$work/$name.o"
done
(cd "$out/threads" && "$ld" --experimental-pic -pie --strip-all --entry=_start --import-memory --shared-memory \
  --max-memory=$((1 << 32)) --unresolved-symbols=import-dynamic --export=how "$work"/{life,pie_main,crt1}.o libsmallc.so \
  -o "$out/life-pie.wasm")

# The scenarios, as a library that the main module of package libraries runs, and their libraries. A part is linked twice
# where two need each other.
mkdir -p "$out/scenarios/aside"
compile_part() { "$clang" "${flags[@]}" "${threads[@]}" -fPIC "-DPART_$1" -c "$src/parts.c" -o "$work/$1.o"; }
link_part() {
  local name=$1 folder=$2
  shift 2
  (cd "$out/scenarios" && "$ld" "${shared[@]}" "${any_memory[@]}" "${tls[@]}" "$work/$name.o" "$@" -o "$folder/lib$name.so")
}
while read -r name needs; do
  compile_part "$name"
  link_part "$name" . ${needs:+$(printf 'lib%s.so ' $needs)}
done <"$src/parts.txt"
link_part ring1 . libring2.so
link_part runpath . '-rpath=$ORIGIN/aside'
mv "$out/scenarios/libinner.so" "$out/scenarios/aside/"
rm "$out/scenarios/libgone.so"
"$clang" "${flags[@]}" "${threads[@]}" -fPIC -c "$src/scenarios.c" -o "$work/scenarios.o"
"$ld" "${shared[@]}" "${any_memory[@]}" "${tls[@]}" "$work/scenarios.o" -o "$out/scenarios/scenarios.so"

# Exceptions, in the older form of the instructions at three levels of optimisation, and in that of the standard.
exceptions() {
  "$clang" "${flags[@]}" "-O$2" -Wno-error -w -std=c++20 -fvisibility=hidden "${threads[@]}" -fPIC -fwasm-exceptions \
    -mllvm "-wasm-use-legacy-eh=$3" -c "$src/exceptions.cpp" -o "$work/exceptions.o"
  "$ld" "${shared[@]}" "${any_memory[@]}" "$work/exceptions.o" -o "$out/threads/exceptions-$1.so"
}
for level in 0 1 2; do exceptions "older-$level" $level true; done
exceptions newer 2 false

"$clang" --version | head -n 1 >"$out/TOOLCHAIN"
"$ld" --version >>"$out/TOOLCHAIN"
dpkg-query -W -f '${Package} ${Version}\n' wasi-libc libclang-rt-22-dev-wasm32 libc++-22-dev-wasm32 >>"$out/TOOLCHAIN"
(cd "$out" && find . -name '*.wasm' -o -name '*.so' | sed 's,^\./,,' | sort | xargs sha256sum >"$work/modules") 
(cd "$here" && find src -type f | sort | xargs sha256sum) | cat "$work/modules" - >"$out/SHA256SUMS"
