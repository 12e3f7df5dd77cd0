package linker

// maxAsked is how many functions of Go code an image may have imported: they stay until it closes.
const maxAsked = 1 << 16
