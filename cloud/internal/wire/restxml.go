package wire

import "github.com/turnoutdev/turnout/cloud/internal/wire/codec"

// restXML knows errors only: services that speak it are handlers of their own.
type restXML struct{}

func (restXML) family() Protocol    { return RestXML }
func (restXML) contentType() string { return "application/xml" }

func (restXML) fail(x *exchange, b []byte, f *fault) []byte {
	b = append(b, `<?xml version="1.0" encoding="UTF-8"?>`+"\n<Error><Code>"...)
	b = codec.AppendXMLText(b, f.code)
	b = append(b, "</Code><Message>"...)
	b = codec.AppendXMLText(b, f.message)
	b = append(b, "</Message><Resource>"...)
	b = codec.AppendXMLText(b, x.r.URL.Path)
	b = append(b, "</Resource><RequestId>"...)
	b = append(b, x.id...)
	return append(b, "</RequestId></Error>"...)
}
