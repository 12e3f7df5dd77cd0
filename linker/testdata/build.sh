#!/usr/bin/env bash
# Builds the fixtures: linker/testdata/build.sh [DIRECTORY]
#
# Without DIRECTORY the .wasm files, SHA256SUMS and TOOLCHAIN beside this script are replaced; with it they
# are written there. Works wherever it is called from. The same compiler gives the same bytes; TOOLCHAIN
# says which compiler that was. CLANG and WASM_LD name other tools than clang-22 and wasm-ld-22.
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
src=$here/src
root=$(cd "$here/../.." && pwd)
out=${1:-$here}
mkdir -p "$out"
out=$(cd "$out" && pwd)

clang=${CLANG:-clang-22}
ld=${WASM_LD:-wasm-ld-22}
missing=()
command -v "$clang" >/dev/null || missing+=(clang-22)
command -v "$ld" >/dev/null || missing+=(lld-22)
if ((${#missing[@]})); then
  echo "build.sh: missing Debian packages: ${missing[*]} (or set CLANG and WASM_LD)" >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{pie,exe,shared} "$out"/{threads,plain}/deep

# Default visibility is hidden, and then every symbol would vanish silently. No libc is there to provide
# memset and its like, so the compiler must not call them.
compile_flags=(--target=wasm32-unknown-unknown -O2 -nostdlib -ffreestanding -fno-builtin
  -fvisibility=default -Wall -Wextra -Werror)
thread_flags=(-matomics -mbulk-memory)

# Sixteen pages of sixty-four KiB are 1 MiB; the main modules stop at 1024 pages. Libraries import a memory
# of at most 65536 pages, so that any memory suits them.
main_max=$((1024 * 65536))
any_max=$((65536 * 65536))

# ---- Main modules ----

# object DIRECTORY SOURCE FLAG...
object() {
  local dir=$1 source=$2 file=$src/$2.c
  shift 2
  local language=()
  [ "$source" = libdl ] && file=$root/libdl/dl.c # what C users get
  if [ -f "$src/$source.cpp" ]; then
    file=$src/$source.cpp language=(-std=c++20 -fno-exceptions -fno-rtti)
  fi
  "$clang" "${compile_flags[@]}" "${language[@]}" "-I$root/include" "$@" -c "$file" -o "$work/$dir/$source.o"
}

object pie main -fPIC "${thread_flags[@]}"
"$ld" --experimental-pic -pie --no-entry --export-all --unresolved-symbols=import-dynamic \
  --import-memory --shared-memory --max-memory=$main_max \
  "$work/pie/main.o" -o "$out/main-pie.wasm"
object pie main_pthread -fPIC "${thread_flags[@]}"
"$ld" --experimental-pic -pie --no-entry --export-all --unresolved-symbols=import-dynamic \
  --import-memory --shared-memory --max-memory=$main_max \
  "$work/pie/main.o" "$work/pie/main_pthread.o" -o "$out/main-pthread.wasm"

object exe main
object exe main_start
executable=(--no-entry --export-table "$work/exe/main.o" "$work/exe/main_start.o")
"$ld" "${executable[@]}" --export-all --growable-table --max-memory=$main_max -o "$out/main-exe.wasm"
# Exports named functions and data, but no __stack_pointer, __heap_base and the like.
exports=()
for name in _initialize malloc free aligned_alloc log_append log_length log_at log_clear call_pointer \
  peek32 poke32 main_value main_twice main_twice_address main_triple main_constructed stack_probe; do
  exports+=(--export=$name)
done
"$ld" "${executable[@]}" "${exports[@]}" --growable-table --max-memory=$main_max -o "$out/main-nostack.wasm"
# Neither table nor memory can grow.
"$ld" "${executable[@]}" --export-all --initial-memory=131072 --max-memory=131072 -o "$out/main-fixed.wasm"

object shared main "${thread_flags[@]}"
object shared main_start "${thread_flags[@]}"
"$ld" --no-entry --export-all --export-table --growable-table \
  --import-memory --export-memory --shared-memory --max-memory=$main_max \
  "$work/shared/main.o" "$work/shared/main_start.o" -o "$out/main-shared.wasm"

# ---- Libraries, in two sets ----
#
# threads: shared memory, atomics, passive data segments, thread-local storage; for main-pie and main-shared.
# plain:   none of these, as stock libraries are; for main-exe.

# Flags of the compiler for the next libraries alone.
more_flags=()
# Exceptions as the standard has them, and setjmp and longjmp made of them.
jump_flags=(-mexception-handling -mllvm -wasm-enable-sjlj -mllvm -wasm-use-legacy-eh=false)
# Only this target has thread-local variables that another library defines.
tls_flags=(--target=wasm32-unknown-emscripten -pthread)

# library SET NAME FLAG-OR-NEEDED-LIBRARY...
library() {
  local set=$1 name=$2
  shift 2
  local compile=() link=()
  if [ "$set" = threads ]; then
    compile=("${thread_flags[@]}")
    link=(--shared-memory --max-memory=$any_max --export-if-defined=__wasm_init_tls
      --export-if-defined=__tls_size --export-if-defined=__tls_align --export-if-defined=__tls_base)
  fi
  object "$set" "lib$(basename "$name")" -fPIC "${compile[@]}" "${more_flags[@]}"
  (
    # wasm-ld records a needed library by its file name; the directory only says where to read it now.
    cd "$out/$set"
    "$ld" --experimental-pic -shared --unresolved-symbols=import-dynamic "${link[@]}" \
      "$work/$set/lib$(basename "$name").o" "$@" -o "$(dirname "$name")/lib$(basename "$name").wasm"
  )
}

libraries() {
  local set=$1 name
  mkdir -p "$work/$set"
  for name in other counter ctor weak strong unresolved unresolved_data interpose interposer \
    trap_ctor trap_call mismatch mismatch_kind bss huge notable manyfn align callback stack types even odd \
    dtor_base dtor_trap dtor_main early align_page \
    dl dlfcn dl_ctor manager closure thread_dtor scope_one scope_two scope_user; do
    library "$set" $name
  done
  library "$set" data libother.wasm
  library "$set" fnptr libother.wasm
  library "$set" symbolic -Bsymbolic
  library "$set" dtor libdtor_base.wasm

  library "$set" scope_three libscope_one.wasm
  library "$set" scope_needs libscope_two.wasm
  library "$set" scope_top libscope_user.wasm libscope_one.wasm

  library "$set" chain_c
  library "$set" chain_b libchain_c.wasm
  library "$set" chain_a libchain_b.wasm
  library "$set" diamond_bottom
  library "$set" diamond_left libdiamond_bottom.wasm
  library "$set" diamond_right libdiamond_bottom.wasm
  library "$set" diamond_top libdiamond_left.wasm libdiamond_right.wasm
  # The first half of a circle is linked twice: before the other half exists, then against it.
  library "$set" circle_a
  library "$set" circle_b libcircle_a.wasm
  library "$set" circle_a libcircle_b.wasm

  library "$set" deep/deep
  library "$set" rpath deep/libdeep.wasm -rpath '$ORIGIN/deep'
  library "$set" absent
  library "$set" needs_missing libabsent.wasm
  rm "$out/$set/libabsent.wasm"

  more_flags=("${jump_flags[@]}")
  library "$set" sjlj
  library "$set" jumper
  library "$set" jump libsjlj.wasm libjumper.wasm
  more_flags=()
}

libraries threads
library threads tls
library threads atomic
more_flags=("${tls_flags[@]}")
library threads tls_export
library threads tls_import libtls_export.wasm
more_flags=()
library threads thread
library threads pthreads
library threads worker
libraries plain

# assemble SOURCE OUTPUT: pairs of hexadecimal digits to bytes.
assemble() {
  local digits
  digits=$(sed 's/#.*//' "$1" | tr -d ' \n')
  printf "$(sed 's/../\\x&/g' <<<"$digits")" >"$2"
}
for set in threads plain; do
  assemble "$src/libtrap_start.hex" "$out/$set/libtrap_start.wasm"
done

chmod -x "$out"/*.wasm "$out"/{threads,plain}/*.wasm "$out"/{threads,plain}/deep/*.wasm

# ---- What was built, from what, with what ----

{
  "$clang" --version | head -n 1
  "$ld" --version
} >"$out/TOOLCHAIN"
{
  (cd "$here" && sha256sum build.sh src/*)
  (cd "$out" && sha256sum TOOLCHAIN main-*.wasm {threads,plain}/*.wasm {threads,plain}/deep/*.wasm)
} >"$work/SHA256SUMS"
mv "$work/SHA256SUMS" "$out/SHA256SUMS"
