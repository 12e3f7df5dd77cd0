package linmem

import "syscall"

// populateWrite is MADV_POPULATE_WRITE, which package syscall does not have: Linux 5.14.
const populateWrite = 23

// populate has whole pages ready to be written. An older kernel refuses, and then each page comes
// when it is written.
func populate(b []byte) { _ = syscall.Madvise(b, populateWrite) }
