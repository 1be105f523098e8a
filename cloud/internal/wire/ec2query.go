package wire

import (
	"reflect"

	"github.com/turnoutdev/turnout/cloud/internal/wire/codec"
)

// ec2Query is EC2's variant of awsQuery: its answers have no Result element, and errors
// come in a list of one.
type ec2Query struct{ awsQuery }

func (ec2Query) encode(x *exchange, b []byte, out any) ([]byte, error) {
	op := x.op.Name
	b = append(b, '<')
	b = append(b, op...)
	b = append(b, `Response xmlns="`...)
	b = append(b, x.service.XMLNS...)
	b = append(b, `"><requestId>`...)
	b = append(b, x.id...)
	b = append(b, "</requestId>"...)
	if len(x.service.Names.Plan(reflect.TypeOf(out).Elem()).Fields) == 0 {
		b = append(b, "<return>true</return>"...)
	}
	b, err := x.service.Names.AppendXML(b, out)
	if err != nil {
		return nil, err
	}
	b = append(append(b, "</"...), op...)
	return append(b, "Response>"...), nil
}

func (ec2Query) fail(x *exchange, b []byte, f *fault) []byte {
	if f.code == "AccessDenied" {
		f.code, f.message = "UnauthorizedOperation", "You are not authorized to perform this operation. "+f.message
	}
	b = append(b, "<Response><Errors><Error><Code>"...)
	b = codec.AppendXMLText(b, f.code)
	b = append(b, "</Code><Message>"...)
	b = codec.AppendXMLText(b, f.message)
	b = append(b, "</Message></Error></Errors><RequestID>"...)
	b = append(b, x.id...)
	return append(b, "</RequestID></Response>"...)
}
