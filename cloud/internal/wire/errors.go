package wire

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/wire/codec"
)

// fault is an error as it goes out.
type fault struct {
	code    string
	message string
	status  int
	detail  any // *types.XException with members of its own, or nil
}

// kind is awsQuery's word for who is to blame.
func (f *fault) kind() string {
	if f.status >= http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}

// failure makes an error that the SDK has no type for.
func failure(code, format string, args ...any) *smithy.GenericAPIError {
	return &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, args...), Fault: smithy.FaultClient}
}

// These are raised before any service has the request.

func unknownOperation(asked string) error {
	return failure("UnknownOperationException", "The local cloud has no operation %s.", asked)
}

func invalidAction(action, version string) error {
	return failure("InvalidAction", "Could not find operation %s for version %s", action, version)
}

func missingAction() error {
	return failure("MissingAction", "The request must contain the parameter Action")
}

func noSuchPath(path string) error {
	return failure("UnknownOperationException", "No service of the local cloud has the path %s.", path)
}

func tooLarge(limit int64) error {
	return failure("RequestEntityTooLargeException", "Request size exceeds the limit of %d bytes.", limit)
}

func badBody(err error) error {
	return failure("SerializationException", "The request's body could not be read: %v", err)
}

// common names the errors that every service can return: in the query protocols, in the
// JSON ones, and with which HTTP status in each.
var common = []struct {
	query, json             string
	queryStatus, jsonStatus int
}{
	{"AccessDenied", "AccessDeniedException", 403, 400},
	{"AuthFailure", "AuthFailure", 401, 401},
	{"ExpiredToken", "ExpiredTokenException", 403, 400},
	{"IncompleteSignature", "IncompleteSignatureException", 400, 400},
	{"InvalidClientTokenId", "UnrecognizedClientException", 403, 400},
	{"MissingAuthenticationToken", "MissingAuthenticationTokenException", 403, 400},
	{"SignatureDoesNotMatch", "InvalidSignatureException", 403, 400},
	{"OptInRequired", "OptInRequired", 403, 403},
	{"InvalidAction", "UnknownOperationException", 400, 400},
	{"MissingAction", "MissingAction", 400, 400},
	{"MalformedInput", "SerializationException", 400, 400},
	{"RequestEntityTooLarge", "RequestEntityTooLargeException", 413, 413},
	{"RequestExpired", "RequestExpired", 400, 400},
	{"Throttling", "ThrottlingException", 400, 400},
	{"ValidationError", "ValidationException", 400, 400},
	{"InvalidAccessKeyId", "InvalidAccessKeyId", 403, 403},
	{"RequestTimeTooSkewed", "RequestTimeTooSkewed", 403, 403},
	{"InternalFailure", "InternalFailure", 500, 500},
	{"ServiceUnavailable", "ServiceUnavailableException", 503, 503},
}

// translate gives a common error its name and status in a protocol family; status 0 says
// that it is none.
func translate(code string, family Protocol) (string, int) {
	for i := range common {
		c := &common[i]
		if code != c.query && code != c.json {
			continue
		}
		switch family {
		case Query, RestXML:
			return c.query, c.queryStatus
		case RestJSON: // statuses of the one, names of the other
			return c.json, c.queryStatus
		}
		return c.json, c.jsonStatus
	}
	return code, 0
}

// classify turns any error into what goes out. ok is false when the error says nothing
// that a client may read: it is ours, and to be logged.
func (x *exchange) classify(err error) (f *fault, ok bool) {
	var de *codec.Error
	if errors.As(err, &de) {
		err = failure("SerializationException", "%s", de.Message)
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return &fault{
			code: "InternalFailure", status: http.StatusInternalServerError,
			message: "The request processing has failed because of an unknown error, exception or failure.",
		}, false
	}
	f = &fault{code: api.ErrorCode(), message: api.ErrorMessage()}
	if _, generic := api.(*smithy.GenericAPIError); generic {
		f.code, f.status = translate(f.code, x.protocol.family())
	} else {
		f.detail = api
	}
	x.setStatus(f, api)
	return f, true
}

func (x *exchange) setStatus(f *fault, api smithy.APIError) {
	switch {
	case x.service != nil && x.service.status(f.code) != 0:
		f.status = x.service.status(f.code)
	case f.status != 0:
	case api.ErrorFault() == smithy.FaultServer:
		f.status = http.StatusInternalServerError
	default:
		f.status = http.StatusBadRequest
	}
}

// isMessage reports whether a member is the message that every error has.
func isMessage(name string) bool { return strings.EqualFold(name, "message") }
