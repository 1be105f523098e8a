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
	if x.void() {
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
	for _, name := range x.service.messageNames(f) {
		b = append(b, ',')
		b = codec.AppendQuoted(b, name)
		b = codec.AppendQuoted(append(b, ':'), f.message)
	}
	if x.service != nil {
		b = x.service.Names.AppendJSONExtra(b, f.detail, isMessage)
	}
	return append(b, '}')
}

// messageNames is what an error calls its message. Services are not of one mind, and some
// clients match names to the letter; an exception that is newer than the model gets both.
func (s *Service) messageNames(f *fault) []string {
	switch {
	case f.message == "":
		return nil
	case s == nil || f.detail == nil || s.Names.Lower:
		return []string{"message"}
	}
	if name := s.model().Message(f.code); name != "" {
		return []string{name}
	}
	return []string{"message", "Message"}
}

func (awsJSON) present(x *exchange, path string) bool { return codec.JSONHas(x.body, path) }
