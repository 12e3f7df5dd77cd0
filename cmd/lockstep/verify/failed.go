package verify

import "fmt"

// FailedError says what a check found: not that it could not do its work, but that something does not hold.
type FailedError struct{ Found string }

// Error implements the error interface.
func (e *FailedError) Error() string { return e.Found }

func failed(format string, args ...any) error { return &FailedError{fmt.Sprintf(format, args...)} }
