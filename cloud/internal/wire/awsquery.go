package wire

import "github.com/turnoutdev/turnout/cloud/internal/wire/codec"

// awsQuery takes forms and answers in XML.
type awsQuery struct{}

func (awsQuery) family() Protocol    { return Query }
func (awsQuery) contentType() string { return "text/xml" }

func (awsQuery) decode(x *exchange, in any) ([]string, error) {
	return x.service.Names.DecodeForm(x.form, in, "Action", "Version")
}

func (awsQuery) encode(x *exchange, b []byte, out any) ([]byte, error) {
	op := x.op.Name
	b = append(b, '<')
	b = append(b, op...)
	b = append(b, `Response xmlns="`...)
	b = append(b, x.service.XMLNS...)
	b = append(b, `">`...)
	if !x.void() {
		b = append(append(append(b, '<'), op...), "Result>"...)
		var err error
		if b, err = x.service.Names.AppendXML(b, out); err != nil {
			return nil, err
		}
		b = append(append(append(b, "</"...), op...), "Result>"...)
	}
	b = append(b, "<ResponseMetadata><RequestId>"...)
	b = append(b, x.id...)
	b = append(b, "</RequestId></ResponseMetadata></"...)
	b = append(b, op...)
	return append(b, "Response>"...), nil
}

func (awsQuery) fail(x *exchange, b []byte, f *fault) []byte {
	b = append(b, "<ErrorResponse"...)
	if x.service != nil && x.service.XMLNS != "" {
		b = append(b, ` xmlns="`...)
		b = append(b, x.service.XMLNS...)
		b = append(b, '"')
	}
	b = append(b, "><Error><Type>"...)
	b = append(b, f.kind()...)
	b = append(b, "</Type><Code>"...)
	b = codec.AppendXMLText(b, x.service.queryCode(f.code))
	b = append(b, "</Code><Message>"...)
	b = codec.AppendXMLText(b, f.message)
	b = append(b, "</Message>"...)
	if x.service != nil {
		b = x.service.Names.AppendXMLExtra(b, f.detail, isMessage)
	}
	b = append(b, "</Error><RequestId>"...)
	b = append(b, x.id...)
	return append(b, "</RequestId></ErrorResponse>"...)
}

func (awsQuery) present(x *exchange, path string) bool { return x.form.Has(path) }

// queryCode is what awsQuery calls an error of this shape.
func (s *Service) queryCode(shape string) string {
	if s == nil {
		return shape
	}
	return s.model().Code(shape)
}

// queryError tells awsQuery's code for an error to clients that used to speak it.
func (x *exchange) queryError(f *fault) {
	if x.r.Header.Get("X-Amzn-Query-Mode") == "true" {
		x.w.Header()["X-Amzn-Query-Error"] = []string{x.service.queryCode(f.code) + ";" + f.kind()}
	}
}
