// Needs a library, libabsent.wasm, that is nowhere.
int absent(int x);
int needs_missing(int x) { return absent(x); }
