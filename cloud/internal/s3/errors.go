package s3

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"

	"github.com/aws/smithy-go"
)

// failure is an error of S3, with its HTTP status.
type failure struct {
	status        int
	code, message string
	marker        string // id of the delete marker that hides the object
}

func (f *failure) Error() string                 { return f.code + ": " + f.message }
func (f *failure) ErrorCode() string             { return f.code }
func (f *failure) ErrorMessage() string          { return f.message }
func (f *failure) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }

// S3's errors, as it words them.
var (
	errNoBucket    = &failure{status: 404, code: "NoSuchBucket", message: "The specified bucket does not exist"}
	errNoKey       = &failure{status: 404, code: "NoSuchKey", message: "The specified key does not exist."}
	errNoVersion   = &failure{status: 404, code: "NoSuchVersion", message: "The specified version does not exist."}
	errNoUpload    = &failure{status: 404, code: "NoSuchUpload", message: "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."}
	errNoTags      = &failure{status: 404, code: "NoSuchTagSet", message: "The TagSet does not exist"}
	errOwned       = &failure{status: 409, code: "BucketAlreadyOwnedByYou", message: "Your previous request to create the named bucket succeeded and you already own it."}
	errNotEmpty    = &failure{status: 409, code: "BucketNotEmpty", message: "The bucket you tried to delete is not empty"}
	errBucketName  = &failure{status: 400, code: "InvalidBucketName", message: "The specified bucket is not valid."}
	errXML         = &failure{status: 400, code: "MalformedXML", message: "The XML you provided was not well-formed or did not validate against our published schema"}
	errDigest      = &failure{status: 400, code: "BadDigest", message: "The Content-MD5 you specified did not match what we received."}
	errBadMD5      = &failure{status: 400, code: "InvalidDigest", message: "The Content-MD5 you specified was invalid."}
	errKeyLong     = &failure{status: 400, code: "KeyTooLongError", message: "Your key is too long"}
	errTooLarge    = &failure{status: 400, code: "EntityTooLarge", message: "Your proposed upload exceeds the maximum allowed size"}
	errPart        = &failure{status: 400, code: "InvalidPart", message: "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."}
	errPartOrder   = &failure{status: 400, code: "InvalidPartOrder", message: "The list of parts was not in ascending order. Parts must be ordered by part number."}
	errCondition   = &failure{status: 412, code: "PreconditionFailed", message: "At least one of the pre-conditions you specified did not hold"}
	errUnchanged   = &failure{status: 304, code: "NotModified", message: "Not Modified"}
	errRange       = &failure{status: 416, code: "InvalidRange", message: "The requested range is not satisfiable"}
	errMethod      = &failure{status: 405, code: "MethodNotAllowed", message: "The specified method is not allowed against this resource."}
	errImplemented = &failure{status: 501, code: "NotImplemented", message: "A header you provided implies functionality that is not implemented"}
)

func badArgument(message string) error {
	return &failure{status: 400, code: "InvalidArgument", message: message}
}

// fail answers with an error. Whatever is not S3's own is an internal one, and says nothing.
func (x *request) fail(err error) {
	var f *failure
	var api smithy.APIError
	switch {
	case errors.As(err, &f):
	case errors.As(err, &api):
		f = &failure{status: statusOf(api.ErrorCode()), code: api.ErrorCode(), message: api.ErrorMessage()}
	case errors.Is(err, io.ErrUnexpectedEOF):
		f = &failure{status: 400, code: "IncompleteBody", message: "You did not provide the number of bytes specified by the Content-Length HTTP header"}
	default:
		if x.r.Context().Err() == nil { // who went away broke it
			x.s.Log.Error("internal failure", "service", "s3", "method", x.r.Method, "path", x.r.URL.Path, "error", err)
		}
		f = &failure{status: 500, code: "InternalError", message: "We encountered an internal error. Please try again."}
	}
	h := x.w.Header()
	if f.marker != "" {
		h.Set("X-Amz-Delete-Marker", "true")
		h.Set("X-Amz-Version-Id", f.marker)
	}
	if f.status == http.StatusNotModified || x.r.Method == http.MethodHead {
		x.w.WriteHeader(f.status)
		return
	}
	doc := document{Code: f.code, Message: f.message, Bucket: x.bucket, Key: x.key, Resource: x.r.URL.Path, RequestID: h.Get("X-Amz-Request-Id")}
	if !x.wrapped {
		x.answer(f.status, doc)
		return
	}
	x.answer(f.status, struct {
		XMLName xml.Name `xml:"ErrorResponse"`
		Error   document
	}{Error: doc})
}

// document is an error as XML.
type document struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	Bucket    string `xml:"BucketName,omitempty"`
	Key       string `xml:"Key,omitempty"`
	Resource  string
	RequestID string `xml:"RequestId"`
}

// statusOf is the status of errors that others word: the authorizer, the body's decoder.
func statusOf(code string) int {
	switch code {
	case "AccessDenied", "AccessDeniedException", "SignatureDoesNotMatch":
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}
