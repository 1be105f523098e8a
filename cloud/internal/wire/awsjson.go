package wire

import "github.com/turnoutdev/turnout/cloud/internal/wire/codec"

// awsJSON is awsJson1.0 and 1.1, which differ in nothing but the content type.
type awsJSON struct{ version string }

func (p awsJSON) family() Protocol    { return JSON11 }
func (p awsJSON) contentType() string { return "application/x-amz-json-" + p.version }

func (awsJSON) decode(x *exchange, in any) ([]string, error) {
	return x.service.Names.DecodeJSON(x.body, in)
}

func (awsJSON) encode(x *exchange, b []byte, out any) ([]byte, error) {
	if x.service.model().Void(x.op.Name) {
		return b, nil
	}
	return x.service.Names.AppendJSON(b, out)
}

func (awsJSON) fail(x *exchange, b []byte, f *fault) []byte {
	x.queryError(f)
	b = append(b, `{"__type":`...)
	b = codec.AppendQuoted(b, f.code)
	return appendJSONFault(x, b, f)
}

// appendJSONFault appends the message and the exception's own members, and the closing brace.
func appendJSONFault(x *exchange, b []byte, f *fault) []byte {
	if f.message != "" {
		b = append(b, `,"message":`...)
		b = codec.AppendQuoted(b, f.message)
	}
	if x.service != nil {
		b = x.service.Names.AppendJSONExtra(b, f.detail, isMessage)
	}
	return append(b, '}')
}

func (awsJSON) present(x *exchange, path string) bool { return codec.JSONHas(x.body, path) }
