# The main modules with POSIX threads, and with libc++ and exceptions besides, and the libraries that test them. build.sh
# reads this file: its functions and variables are used here.

# ---- libc, for threads: musl as it is in wasi-libc, and src/posix for what a kernel would do ----

posix_tree=$work/posix-tree
dpkg-source --no-check --extract "$sources/$libc_dsc" "$posix_tree" >"$work/posix-libc.log" 2>&1
# One lock is left out where musl has all others.
sed -i 's/^#ifdef __wasilibc_unmodified_upstream$/#if 1/' "$posix_tree/libc-top-half/musl/src/prng/random.c"
musl=$posix_tree/libc-top-half/musl
posix=("-I$src/posix/musl" -include "$src/posix/musl/calls.h" -w -Wno-int-conversion)
posix_sysroot=$work/posix-sysroot
posix_lib=$posix_sysroot/lib/wasm32-wasi
make -s -j"$(nproc)" -C "$posix_tree" CC="$clang -Wno-deprecated" AR="$ar" MALLOC_IMPL=none THREAD_MODEL=none \
  EXTRA_CFLAGS="${flags[*]} -ffile-prefix-map=$here=/ ${posix[*]}" SYSROOT="$posix_sysroot" OBJDIR="$work/posix-libc" \
  startup_files "$posix_lib"/{libc,libwasi-emulated-{mman,process-clocks,getpid,signal}}.a >"$work/posix-libc.log" 2>&1 || {
  tail -n 30 "$work/posix-libc.log" >&2
  exit 1
}
posix_target=(--target=wasm32-wasi -Wno-deprecated "--sysroot=$posix_sysroot" "-ffile-prefix-map=$here=/")

inside=("${posix_target[@]}" "${flags[@]}" "${posix[@]}" -std=gnu99 "-I$musl/src/include" "-I$musl/src/internal"
  "-I$musl/arch/wasm32" "-I$musl/arch/generic")
mkdir -p "$work/threads"
thread_files=(thread/{__lock,__wait,call_once,default_attr,lock_ptc,vmlock}
  thread/cnd_{broadcast,destroy,init,signal,timedwait,wait} thread/mtx_{destroy,init,lock,timedlock,trylock,unlock}
  thread/pthread_attr_{destroy,get,init}
  thread/pthread_attr_set{detachstate,guardsize,inheritsched,schedparam,schedpolicy,scope,stack,stacksize}
  thread/pthread_barrier_{destroy,init,wait} thread/pthread_barrierattr_{destroy,init,setpshared}
  thread/pthread_cond_{broadcast,destroy,init,signal,timedwait,wait} thread/pthread_condattr_{destroy,init,setpshared}
  thread/pthread_{equal,getconcurrency,once,self,setattr_default_np,setcancelstate,setcanceltype,setconcurrency}
  thread/pthread_mutex_{consistent,destroy,getprioceiling,init,lock,setprioceiling,timedlock,trylock,unlock}
  thread/pthread_mutexattr_{destroy,init,setprotocol,setpshared,setrobust,settype}
  thread/pthread_rwlock_{destroy,init,rdlock,timedrdlock,timedwrlock,tryrdlock,trywrlock,unlock,wrlock}
  thread/pthread_rwlockattr_{destroy,init,setpshared} thread/pthread_spin_{destroy,init,lock,trylock,unlock}
  thread/sem_{destroy,getvalue,init,post,timedwait,trywait,wait} thread/thrd_{create,exit,join,yield}
  thread/tss_{create,delete} stdio/{__lockfile,flockfile,ftrylockfile,funlockfile})
for name in "${thread_files[@]}"; do # a clock is a pointer here, so the function of that name in src/posix is the right one
  "$clang" "${inside[@]}" -Dpthread_condattr_getclock=__posix_other_getclock -c "$musl/src/$name.c" \
    -o "$work/threads/$(basename "$name").o"
done
"$clang" "${inside[@]}" "${sjlj[@]}" "-I$src/libc" -c "$src/posix/thread.c" -o "$work/threads/thread.o"
"$clang" "${posix_target[@]}" "${flags[@]}" -w -include "$src/libc/heap_lock.h" -I"$posix_tree/dlmalloc/include" \
  -c "$posix_tree/dlmalloc/src/dlmalloc.c" -o "$work/threads/dlmalloc.o"

mapfile -t posix_objects < <(find "$work/posix-libc" -name '*.o' ! -name '__main_*.o' ! -name '__original_main.o' \
  ! -name '*.long-double.o' ! -name '*.no-floating-point.o' ! -path '*/crt/*' | sort)
posix_objects+=("$posix_lib/crt1-reactor.o" "$main_dir"/{support,tags}.o "$work"/threads/*.o)
"$ld" "${executable[@]}" --export-all "${posix_objects[@]}" --whole-archive "$work/builtins.a" -o "$out/main-posix.wasm"

# ---- libc++, with exceptions and threads ----

orig llvm-toolchain-22
mkdir "$work/llvm"
tar -C "$work/llvm" --strip-components=1 --wildcards --exclude='*/test/*' -xf "$tarball" '*/libcxx/src/*' '*/libcxxabi/*' \
  '*/libunwind/*' '*/libc/shared/*' '*/libc/src/__support/*' '*/libc/hdr/*' '*/libc/include/*'
throwing=(-fwasm-exceptions -mllvm -wasm-use-legacy-eh=false)
cxx_headers=(-nostdinc++ "-isystem$src/cxx/include" -isystem "$clangxx_headers")
llvm=$work/llvm
building=("${posix_target[@]}" "${flags[@]}" "${throwing[@]}" "${cxx_headers[@]}" -std=c++23 -w -D_REENTRANT
  -D_LIBCPP_BUILDING_LIBRARY -DLIBCXX_BUILDING_LIBCXXABI -D_LIBCXXABI_BUILDING_LIBRARY -D_LIBUNWIND_HIDE_SYMBOLS
  "-I$llvm/libcxx/src" "-I$llvm/libc" "-I$llvm/libcxxabi/include" "-I$llvm/libcxxabi/src" "-I$llvm/libunwind/include")
mkdir -p "$work/cxx"
cxx_files=("$llvm"/libcxx/src/{algorithm,any,atomic,barrier,bind,call_once,charconv,chrono,condition_variable}.cpp
  "$llvm"/libcxx/src/{condition_variable_destructor,error_category,exception,expected,fstream,functional,future,hash,ios}.cpp
  "$llvm"/libcxx/src/{ios.instantiations,iostream,locale,memory,memory_resource,mutex,mutex_destructor,new_handler}.cpp
  "$llvm"/libcxx/src/{new_helpers,optional,ostream,print,random,random_shuffle,regex,shared_mutex,stdexcept,string}.cpp
  "$llvm"/libcxx/src/{strstream,system_error,thread,typeinfo,valarray,variant,vector,verbose_abort}.cpp
  "$llvm"/libcxx/src/filesystem/{filesystem_clock,filesystem_error,path}.cpp "$llvm"/libcxx/src/ryu/{d2fixed,d2s,f2s}.cpp
  "$llvm"/libcxxabi/src/cxa_{aux_runtime,default_handlers,demangle,exception,exception_storage,guard,handlers}.cpp
  "$llvm"/libcxxabi/src/cxa_{personality,vector,virtual}.cpp "$llvm"/libcxxabi/src/{abort_message,fallback_malloc}.cpp
  "$llvm"/libcxxabi/src/{private_typeinfo,stdlib_exception,stdlib_stdexcept,stdlib_typeinfo,stdlib_new_delete}.cpp)
for file in "${cxx_files[@]}"; do
  name=${file#"$llvm/"} # both libraries have files of one name
  "$clang" "${building[@]}" -c "$file" -o "$work/cxx/${name//\//-}.o"
done
"$clang" "${posix_target[@]}" "${flags[@]}" "${throwing[@]}" "-I$llvm/libunwind/include" "-I$llvm/libunwind/src" -w \
  -D_LIBUNWIND_HIDE_SYMBOLS -c "$llvm/libunwind/src/Unwind-wasm.c" -o "$work/cxx/unwind.o"
"$ld" "${executable[@]}" --export-all "${posix_objects[@]}" "$work"/cxx/*.o --whole-archive "$work/builtins.a" \
  -o "$out/main-cxx.wasm"

# ---- What tests them ----

mkdir -p "$work/tests" "$out/tests"
for_library=("${posix_target[@]}" "${flags[@]}" -fPIC -D_REENTRANT -Wall -Wextra -Wno-unused-parameter -Werror)
test_library() { # NAME OBJECT...
  local name=$1
  shift
  (cd "$out/tests" && link "$name" "$@" && mv "$out/$name.wasm" "$name.so")
}
"$clang" "${for_library[@]}" "-I$src/libc" -include library_errno.h -c "$src/tests/threads.c" -o "$work/tests/threads.o"
test_library libthreads "$work/tests/threads.o"
"$clang" "${for_library[@]}" -c "$src/cxx/landing.c" -o "$work/tests/landing.o"
for name in libthrows libcatches libstandard; do
  "$clang" "${for_library[@]}" "${throwing[@]}" "${cxx_headers[@]}" -std=c++20 -c "$src/tests/$name.cpp" -o "$work/tests/$name.o"
done
test_library libthrows "$work"/tests/{libthrows,landing}.o
test_library libcatches "$work"/tests/{libcatches,landing}.o
test_library libstandard "$work"/tests/{libstandard,landing}.o libthrows.so libcatches.so
chmod -x "$out"/tests/*

# LOCKSTEP_SYSROOT names a folder that is given the headers, for libraries of others.
if [ -n "${LOCKSTEP_SYSROOT:-}" ]; then
  mkdir -p "$LOCKSTEP_SYSROOT/include/c++"
  cp -r "$posix_sysroot/include/." "$LOCKSTEP_SYSROOT/include/"
  cp -r "$clangxx_headers/." "$LOCKSTEP_SYSROOT/include/c++/"
  cp -r "$src/cxx/include" "$LOCKSTEP_SYSROOT/include/c++-threads"
  cp "$src/libc/library_errno.h" "$LOCKSTEP_SYSROOT/include/"
  mkdir -p "$LOCKSTEP_SYSROOT/lib"
  cp "$work/tests/landing.o" "$LOCKSTEP_SYSROOT/lib/"
fi
