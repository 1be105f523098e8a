package h1

// What may be doubtful about a request that was accepted, in the words of application
// load balancers. Requests that are worse are refused when they are read.
const (
	SuspiciousHeader                   = "SuspiciousHeader"
	UndefinedContentLengthSemantics    = "UndefinedContentLengthSemantics"
	UndefinedTransferEncodingSemantics = "UndefinedTransferEncodingSemantics"
	GetHeadZeroContentLength           = "GetHeadZeroContentLength"
	NonCompliantHeader                 = "NonCompliantHeader"
)

// Ambiguous tells why others may see the request's end elsewhere, "" if there is no reason.
func (r *Request) Ambiguous() string {
	if r.Length != 0 && r.bodiless() {
		if r.Length == Chunked {
			return UndefinedTransferEncodingSemantics
		}
		return UndefinedContentLengthSemantics
	}
	for i := range r.Fields {
		if f := &r.Fields[i]; f.Kind == Other && len(f.Name) >= len("contentlength") && looksLikeFraming(f.Name) {
			return SuspiciousHeader
		}
	}
	return ""
}

// Irregular tells what is against the standard without being dangerous, "" for nothing.
func (r *Request) Irregular() string {
	for i := range r.Fields {
		switch f := &r.Fields[i]; {
		case f.Kind == ContentLength && r.Length == 0 && r.bodiless():
			return GetHeadZeroContentLength
		case !visible(f.Value):
			return NonCompliantHeader
		}
	}
	return ""
}

// bodiless knows the methods for whose body there is no meaning.
func (r *Request) bodiless() bool {
	return string(r.Method) == "GET" || string(r.Method) == "HEAD"
}

// looksLikeFraming reports whether a name becomes Content-Length or Transfer-Encoding when
// all but letters and digits is left out.
func looksLikeFraming(name []byte) bool {
	return reducesTo(name, "contentlength") || reducesTo(name, "transferencoding")
}

func reducesTo(name []byte, want string) bool {
	i := 0
	for _, c := range name {
		c = lower(c)
		if (c < 'a' || c > 'z') && !digit(c) {
			continue
		}
		if i == len(want) || c != want[i] {
			return false
		}
		i++
	}
	return i == len(want)
}

func visible(v []byte) bool {
	for _, c := range v {
		if c >= 0x80 || c < ' ' && c != '\t' {
			return false
		}
	}
	return true
}

// Regular reports whether a field's name is of letters, digits and hyphens alone.
func Regular(name []byte) bool {
	for _, c := range name {
		if l := lower(c); (l < 'a' || l > 'z') && !digit(c) && c != '-' {
			return false
		}
	}
	return true
}
