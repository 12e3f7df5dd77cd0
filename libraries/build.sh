#!/usr/bin/env bash
# Builds real libraries from Debian's sources: libraries/build.sh [DIRECTORY]
#        or only says what it would build them with: libraries/build.sh --toolchain
#
# Without DIRECTORY the .wasm files, SHA256SUMS and TOOLCHAIN in testdata beside this script are replaced; with it they
# are written there. Works wherever it is called from. The same compiler gives the same bytes; TOOLCHAIN says which
# compiler that was. SOURCES names the source packages, and README.md says what is built and how.
#
# The sources come from Debian's archive, through apt-get with a configuration of its own: the system's is neither
# used nor changed. They are kept in .sources beside this script (LOCKSTEP_SOURCES names another folder), so that
# the archive is asked once; .dsc files and archives put there by hand do as well. MIRROR names another mirror than the one that apt uses.
# CLANG, WASM_LD and LLVM_AR name other tools than those of LLVM 22.
set -euo pipefail
export LC_ALL=C TZ=UTC

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
src=$here/src
sources=${LOCKSTEP_SOURCES:-$here/.sources}
mirror=${MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sed 's,/$,,' | grep -v -e '-security$' | head -n 1)}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

clang=${CLANG:-clang-22}
ld=${WASM_LD:-wasm-ld-22}
ar=${LLVM_AR:-llvm-ar-22}
clangxx_headers=/usr/include/wasm32-wasi/c++/v1
libcxx=/usr/lib/wasm32-wasi/libc++.a

# ---- What is needed ----

missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); }
need "$clang" clang-22
need "$ld" lld-22
need "$ar" llvm-22
need dpkg-source dpkg-dev
need make make
need cc gcc
need tclsh tcl
[ -e "$libcxx" ] && [ -d "$clangxx_headers" ] || missing+=(libc++-22-dev-wasm32)
builtins=
if command -v "$clang" >/dev/null; then
  builtins=$("$clang" --target=wasm32-wasi -Wno-deprecated -print-resource-dir)/lib/wasi/libclang_rt.builtins-wasm32.a
  [ -e "$builtins" ] || missing+=(libclang-rt-22-dev-wasm32)
fi
if ((${#missing[@]})); then
  echo "build.sh: missing Debian packages: ${missing[*]}" >&2
  echo "build.sh: LLVM 22 for Debian is at https://apt.llvm.org; CLANG, WASM_LD and LLVM_AR name other tools" >&2
  exit 1
fi

toolchain() {
  "$clang" --version | head -n 1
  "$ld" --version
  dpkg-query -W -f '${Package} ${Version}\n' libc++-22-dev-wasm32 libclang-rt-22-dev-wasm32
}
if [ "${1:-}" = --toolchain ]; then
  toolchain
  exit
fi

out=${1:-$here/testdata}
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ---- Sources ----

# package NAME: sets version and dsc from SOURCES.
package() {
  local line
  line=$(grep "^$1 " "$here/SOURCES")
  read -r _ version sum <<<"$line"
  dsc=$1_${version#*:}.dsc # a file's name has no epoch
}

# apt COMMAND...: apt-get that knows nothing but the archive's sources.
apt() {
  apt-get -q -o Dir::Etc::Main=/dev/null -o Dir::Etc::Parts=/dev/null -o Dir::Etc::SourceList=/dev/null \
    -o Dir::Etc::SourceParts="$work/apt/sources" -o Dir::State::Lists="$work/apt/lists" \
    -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User=root "$@"
}

# fetch NAME VERSION: brings a source package into .sources.
fetch() {
  command -v apt-get >/dev/null || {
    echo "build.sh: no apt-get here: put the files of $1 $2 into $sources (from https://snapshot.debian.org)" >&2
    exit 1
  }
  if [ ! -d "$work/apt" ]; then
    mkdir -p "$work"/apt/{sources,lists/partial,cache/archives/partial}
    local signed=
    [ ! -e "$keyring" ] || signed="Signed-By: $keyring"
    for suite in "$mirror bookworm bookworm-updates" "${mirror}-security bookworm-security"; do
      printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\n%s\n\n' \
        "${suite%% *}" "${suite#* }" "$signed"
    done >"$work/apt/sources/debian.sources"
    apt update >&2
  fi
  (cd "$sources" && apt source --download-only "$1=$2" >&2) || {
    echo "build.sh: the archive does not have $1 $2: put its files into $sources (from https://snapshot.debian.org)" >&2
    exit 1
  }
}

# unpack NAME: sets tree to the source tree.
unpack() {
  local version sum
  package "$1"
  [ -e "$sources/$dsc" ] || fetch "$1" "$version"
  echo "$sum  $sources/$dsc" | sha256sum --check --quiet >&2
  tree=$work/$1
  dpkg-source --no-check --extract "$sources/$dsc" "$tree" >"$work/$1.log" 2>&1 || {
    cat "$work/$1.log" >&2
    exit 1
  }
}

# orig NAME: sets tarball to the archive of a package of which only a part is needed, and no patch. The archive has it
# beside several versions of the package, of which the one that is asked for may be gone.
orig() {
  local version sum suite
  read -r _ version sum <<<"$(grep "^$1 " "$here/SOURCES")"
  tarball=$sources/$version
  if [ ! -e "$tarball" ]; then
    printf 'Types: deb-src\nURIs: %s\nSuites: sid\nComponents: main\n%s\n' "$mirror" \
      "$([ ! -e "$keyring" ] || echo "Signed-By: $keyring")" >"$work/sid.sources"
    mkdir -p "$work"/apt/{sources,lists/partial,cache/archives/partial}
    cp "$work/sid.sources" "$work/apt/sources/"
    apt update >&2
    (cd "$sources" && apt source --download-only "$1" >&2) || true # the archive's sum decides
    rm "$work/apt/sources/sid.sources"
  fi
  echo "$sum  $tarball" | sha256sum --check --quiet >&2
}

mkdir -p "$sources"
unpack wasi-libc && libc_tree=$tree && libc_dsc=$dsc
unpack zlib && zlib_tree=$tree
unpack lua5.4 && lua_tree=$tree/src
unpack sqlite3 && sqlite_tree=$tree

# ---- How C is compiled ----
#
# For threads: a memory that several share. Default visibility is hidden, and then every symbol would vanish silently.
# No path of this machine may get into the modules.

target=(--target=wasm32-wasi -Wno-deprecated)
flags=(-O2 -DNDEBUG -fno-stack-protector -matomics -mbulk-memory -fvisibility=default "-ffile-prefix-map=$work/=")
sjlj=(-mexception-handling -mllvm -wasm-enable-sjlj -mllvm -wasm-use-legacy-eh=false)

# ---- libc: wasi-libc from its sources, because Debian's own build is for one thread ----

sysroot=$work/sysroot
lib=$sysroot/lib/wasm32-wasi
# THREAD_MODEL is neither of those that its makefile knows: "single" would compile atomics and thread-local variables
# away, and "posix" was not finished in 2022. The allocator is compiled below.
make -s -j"$(nproc)" -C "$libc_tree" CC="$clang -w -Wno-deprecated" AR="$ar" MALLOC_IMPL=none THREAD_MODEL=none \
  EXTRA_CFLAGS="${flags[*]}" SYSROOT="$sysroot" OBJDIR="$work/libc" \
  startup_files "$lib"/{libc,libwasi-emulated-{mman,process-clocks,getpid,signal}}.a >"$work/libc.log" 2>&1 || {
  tail -n 30 "$work/libc.log" >&2
  exit 1
}
target+=("--sysroot=$sysroot")

main_dir=$work/main
mkdir -p "$main_dir"
"$clang" "${target[@]}" "${flags[@]}" -w -include "$src/libc/heap_lock.h" -I"$libc_tree/dlmalloc/include" \
  -c "$libc_tree/dlmalloc/src/dlmalloc.c" -o "$main_dir/dlmalloc.o"
"$clang" "${target[@]}" "${flags[@]}" "${sjlj[@]}" -Wall -Wextra -Werror \
  -c "$src/libc/support.c" -o "$main_dir/support.o"
"$clang" "${target[@]}" -mexception-handling -c "$src/libc/tags.s" -o "$main_dir/tags.o"

# The objects one by one, in alphabetical order: an archive has them in the order of a file system. What calls main
# is left out, for there is none, and so are the parts of compiler-rt that would need more.
mapfile -t objects < <(find "$work/libc" -name '*.o' ! -name '__main_*.o' ! -name '__original_main.o' ! -name '*.long-double.o' \
  ! -name '*.no-floating-point.o' ! -path '*/crt/*' | sort)
cp "$builtins" "$work/builtins.a"
"$ar" d "$work/builtins.a" gcc_personality_v0.c.obj __c_longjmp.S.obj __cpp_exception.S.obj
objects+=("$lib/crt1-reactor.o" "$main_dir"/{support,tags,dlmalloc}.o)

executable=(--no-entry --export-table --growable-table --import-memory --export-memory --shared-memory
  --max-memory=$((1 << 30)) -z stack-size=$((1 << 20)) --strip-all)
"$ld" "${executable[@]}" --export-all "${objects[@]}" --whole-archive "$work/builtins.a" -o "$out/main-libc.wasm"
# Debian's libc++ was not compiled for threads; README.md says what that means.
"$ld" "${executable[@]}" --export-all --no-check-features "${objects[@]}" \
  --whole-archive "$work/builtins.a" "$libcxx" -o "$out/main-libcxx.wasm"

# ---- Libraries ----

# link NAME OBJECT...: a shared library.
link() {
  local name=$1
  shift
  "$ld" --experimental-pic -shared --unresolved-symbols=import-dynamic --strip-all \
    --shared-memory --max-memory=$((1 << 32)) --export-if-defined=__wasm_init_tls \
    --export-if-defined=__tls_size --export-if-defined=__tls_align --export-if-defined=__tls_base \
    "$@" -o "$out/$name.wasm"
}

# static NAME EXPORTS OBJECT...: the same code as one executable with what it needs of libc.
static() {
  local name=$1 exports=$2
  shift 2
  "$ld" "${executable[@]}" ${exports//@/--export=} "$lib/crt1-reactor.o" "$main_dir"/{support,tags,dlmalloc}.o "$@" \
    --export=malloc --export=free --export=__stack_pointer --export=__heap_base --export=__data_end \
    --export=__wasm_init_tls --export=__tls_base --export=__tls_size --export=__tls_align \
    "$lib"/lib{c,wasi-emulated-process-clocks,wasi-emulated-signal}.a "$work/builtins.a" -o "$out/$name.wasm"
}

# compile KIND DIRECTORY FLAG... -- SOURCE...: object files in $work/KIND/NAME; pic is for a library, exe for an executable.
compile() {
  local kind=$1 name=$2 extra=() file
  shift 2
  while [ "$1" != -- ]; do
    extra+=("$1")
    shift
  done
  shift
  [ "$kind" = exe ] || extra+=(-fPIC)
  mkdir -p "$work/$kind/$name"
  for file; do
    "$clang" "${target[@]}" "${flags[@]}" -I"$src/libc" "${extra[@]}" -c "$file" \
      -o "$work/$kind/$name/$(basename "${file%.*}").o"
  done
}

zlib=()
for name in adler32 compress crc32 deflate gzclose gzlib gzread gzwrite infback inffast inflate inftrees trees uncompr zutil; do
  zlib+=("$zlib_tree/$name.c")
done
zlib_flags=(-w -include library_errno.h -D_LARGEFILE64_SOURCE=1 -DHAVE_UNISTD_H=1)
compile pic zlib "${zlib_flags[@]}" -- "${zlib[@]}"
compile exe zlib "${zlib_flags[@]}" -- "${zlib[@]}"
link libz "$work"/pic/zlib/*.o
static static-z '@compress2 @uncompress @compressBound' "$work"/exe/zlib/*.o

mapfile -t lua < <(find "$lua_tree" -name '*.c' ! -name lua.c ! -name luac.c | sort)
lua_flags=(-w "${sjlj[@]}" -I"$src/lua" -include compat.h -DLUA_COMPAT_5_3 -D_WASI_EMULATED_SIGNAL
  -D_WASI_EMULATED_PROCESS_CLOCKS)
compile pic lua "${lua_flags[@]}" -- "${lua[@]}"
compile exe lua "${lua_flags[@]}" -- "${lua[@]}"
link liblua "$work"/pic/lua/*.o
static static-lua '@luaL_newstate @luaL_openlibs @luaL_loadbufferx @lua_pcallk @lua_tolstring @lua_settop @lua_close' \
  "$work"/exe/lua/*.o

# The amalgamation is made by SQLite's own makefile, on this machine.
mkdir -p "$work/amalgamation"
make -s -C "$work/amalgamation" -f "$sqlite_tree/main.mk" TOP="$sqlite_tree" BCC=cc TCC=cc OPTS= NAWK=awk \
  target_source sqlite3.c >"$work/sqlite.log" 2>&1 || {
  tail -n 30 "$work/sqlite.log" >&2
  exit 1
}
compile pic sqlite -w -include library_errno.h -Os -I"$work/amalgamation" -DSQLITE_OS_OTHER=1 \
  -DSQLITE_THREADSAFE=1 -DSQLITE_TEMP_STORE=3 -DSQLITE_USE_URI=1 -DSQLITE_DQS=0 \
  -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_OMIT_WAL -DSQLITE_OMIT_DEPRECATED -DSQLITE_DEFAULT_MEMSTATUS=0 -- "$src/sqlite/os.c"
link libsqlite3 "$work"/pic/sqlite/*.o

compile pic words -std=c++20 -fno-exceptions -Wall -Wextra -Werror -nostdinc++ -isystem "$clangxx_headers" \
  -- "$src/words/words.cpp"
link libwords "$work"/pic/words/*.o

. "$here/posix.sh"

chmod -x "$out"/*.wasm

# ---- What was built, from what, with what ----

toolchain >"$out/TOOLCHAIN"
{
  (cd "$here" && sha256sum build.sh posix.sh SOURCES $(find src -type f | sort))
  (cd "$out" && sha256sum TOOLCHAIN *.wasm tests/*.so)
} >"$work/SHA256SUMS"
mv "$work/SHA256SUMS" "$out/SHA256SUMS"
