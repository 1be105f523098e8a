package console

import "github.com/aws/smithy-go"

// absent is the error of a page about something that is not there.
func absent(kind, name string) error {
	return &smithy.GenericAPIError{Code: "NotFound", Message: "There is no " + kind + " " + name + " (any more)."}
}
