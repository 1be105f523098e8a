package h1

// Error says why a message was refused. Status is what a server answers to a client that
// sent it.
type Error struct {
	Status int
	Reason string
	Class  string // what logs of application load balancers call it, "" for nothing of theirs
}

func (e *Error) Error() string { return e.Reason }

var (
	errLineFeed  = &Error{400, "line feed without carriage return", ""}
	errLongLine  = &Error{400, "header line too long", ""}
	errLongHead  = &Error{400, "head too long", ""}
	errLongURI   = &Error{414, "request line too long", ""}
	errStart     = &Error{400, "malformed start line", ""}
	errVersion   = &Error{505, "version of HTTP not supported", "BadVersion"}
	errMethod    = &Error{400, "malformed method", "BadMethod"}
	errTarget    = &Error{400, "malformed request target", "BadUri"}
	errFold      = &Error{400, "folded header line", "BadHeader"}
	errName      = &Error{400, "malformed header name", "BadHeader"}
	errValue     = &Error{400, "malformed header value", "BadHeader"}
	errHost      = &Error{400, "missing, repeated or malformed host", ""}
	errLength    = &Error{400, "malformed or repeated content length", "BadContentLength"}
	errFraming   = &Error{400, "content length next to transfer encoding", "BothTeClPresent"}
	errCoding    = &Error{501, "transfer encoding not supported", "BadTransferEncoding"}
	errChunk     = &Error{400, "malformed chunk", ""}
	errLongChunk = &Error{400, "chunk header or trailer too long", ""}
)
