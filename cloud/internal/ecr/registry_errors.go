package ecr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/ecr/blobs"
)

// protocolError is an error as the distribution specification words it.
type protocolError struct {
	status  int
	code    string
	message string
}

func (e *protocolError) Error() string { return e.code + ": " + e.message }

func problem(status int, code, format string, args ...any) error {
	return &protocolError{status, code, fmt.Sprintf(format, args...)}
}

var (
	errNotFound     = problem(http.StatusNotFound, "UNSUPPORTED", "The registry has nothing at this path.")
	errMethod       = problem(http.StatusMethodNotAllowed, "UNSUPPORTED", "The operation is unsupported.")
	errUnauthorized = problem(http.StatusUnauthorized, "UNAUTHORIZED", "Not Authorized")
)

// fail answers with an error.
func (c *call) fail(err error) {
	p := c.translate(err)
	if p.status == http.StatusInternalServerError && c.context().Err() == nil {
		c.s.Log.Error("registry request", "method", c.r.Method, "path", c.r.URL.Path, "error", err)
	}
	if p.status == http.StatusUnauthorized {
		scheme := "http"
		if c.r.TLS != nil {
			scheme = "https"
		}
		c.w.Header().Set("Www-Authenticate", fmt.Sprintf(`Basic realm="%s://%s/",service="ecr.amazonaws.com"`, scheme, c.s.Endpoint()))
	}
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	c.w.WriteHeader(p.status)
	if c.r.Method == http.MethodHead {
		return
	}
	type item struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	_ = json.NewEncoder(c.w).Encode(map[string][]item{"errors": {{p.code, p.message}}}) // a client that is gone needs no answer
}

// translate words any error for the client.
func (c *call) translate(err error) *protocolError {
	var p *protocolError
	var api smithy.APIError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &api):
		return apiProblem(api)
	case errors.Is(err, errManifest):
		return &protocolError{http.StatusBadRequest, "MANIFEST_INVALID", err.Error()}
	case errors.Is(err, errInUse):
		return &protocolError{http.StatusMethodNotAllowed, "UNSUPPORTED", err.Error()}
	case errors.Is(err, blobs.ErrDigest):
		return &protocolError{http.StatusBadRequest, "DIGEST_INVALID", "provided digest did not match uploaded content"}
	case errors.Is(err, blobs.ErrUnknown):
		return &protocolError{http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"}
	case errors.Is(err, blobs.ErrRange):
		return &protocolError{http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID", "chunk does not begin where the upload ends"}
	case errors.Is(err, context.Canceled):
		return &protocolError{http.StatusBadRequest, "BLOB_UPLOAD_INVALID", "the client went away"}
	}
	return &protocolError{http.StatusInternalServerError, "UNKNOWN", "the registry could not do that"}
}

// apiProblem words an error of the API.
func apiProblem(err smithy.APIError) *protocolError {
	p := &protocolError{http.StatusNotFound, "", err.ErrorMessage()}
	switch err.(type) {
	case *types.RepositoryNotFoundException:
		p.code = "NAME_UNKNOWN"
	case *types.ImageNotFoundException:
		p.code = "MANIFEST_UNKNOWN"
	case *types.LayersNotFoundException, *types.ReferencedImagesNotFoundException:
		p.code = "MANIFEST_BLOB_UNKNOWN"
	case *types.UploadNotFoundException:
		p.code = "BLOB_UPLOAD_UNKNOWN"
	case *types.ImageTagAlreadyExistsException:
		p.status, p.code = http.StatusBadRequest, "TAG_INVALID"
	case *types.ImageDigestDoesNotMatchException:
		p.status, p.code = http.StatusBadRequest, "DIGEST_INVALID"
	default:
		p.status, p.code = http.StatusForbidden, "DENIED"
	}
	return p
}

// message is what a client may read of an error.
func message(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorMessage()
	}
	return err.Error()
}
