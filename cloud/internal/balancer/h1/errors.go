package h1

// Error says why a message was refused. Status is what a server answers to a client that
// sent it.
type Error struct {
	Status int
	Reason string
}

func (e *Error) Error() string { return e.Reason }

var (
	errLineFeed  = &Error{400, "line feed without carriage return"}
	errLongLine  = &Error{400, "header line too long"}
	errLongHead  = &Error{400, "head too long"}
	errLongURI   = &Error{414, "request line too long"}
	errStart     = &Error{400, "malformed start line"}
	errVersion   = &Error{505, "version of HTTP not supported"}
	errMethod    = &Error{400, "malformed method"}
	errTarget    = &Error{400, "malformed request target"}
	errFold      = &Error{400, "folded header line"}
	errName      = &Error{400, "malformed header name"}
	errValue     = &Error{400, "malformed header value"}
	errHost      = &Error{400, "missing, repeated or malformed host"}
	errLength    = &Error{400, "malformed or repeated content length"}
	errFraming   = &Error{400, "content length next to transfer encoding"}
	errCoding    = &Error{501, "transfer encoding not supported"}
	errChunk     = &Error{400, "malformed chunk"}
	errLongChunk = &Error{400, "chunk header or trailer too long"}
)
