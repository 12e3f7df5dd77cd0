package guestabi

// Error numbers of WASI.
const (
	errnoSuccess  = 0
	errnoAgain    = 6
	errnoBusy     = 10
	errnoFault    = 21
	errnoInval    = 28
	errnoNoExec   = 45
	errnoNoMem    = 48
	errnoNotSup   = 58
	errnoOverflow = 61
)
