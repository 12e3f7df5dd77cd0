// Needs libdeep.wasm, which is in the directory "deep" beside this library: RUNTIME_PATH $ORIGIN/deep.
int deep(int x);
int rpath_call(int x) { return deep(x) + 1; }
