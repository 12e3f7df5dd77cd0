// Debian's build generates this: the folder of libraries for one architecture, in Lua's search path.
#define DEB_HOST_MULTIARCH "wasm32-wasi"
