package ecr

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
)

// Registry serves OCI distribution. Mount it at "/v2/".
func (s *Service) Registry() http.Handler { return http.HandlerFunc(s.serveRegistry) }

// call is one request to the registry.
type call struct {
	s    *Service
	w    http.ResponseWriter
	r    *http.Request
	repo string
	ref  string // digest, tag or upload id, as the route has it
}

func (s *Service) serveRegistry(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	c := &call{s: s, w: w, r: r}
	if err := c.serve(); err != nil {
		c.fail(err)
	}
}

func (c *call) serve() error {
	path, ok := strings.CutPrefix(c.r.URL.Path, "/v2/")
	if !ok {
		return errNotFound
	}
	rt := c.route(path)
	caller, err := c.authenticate()
	if err != nil {
		return err
	}
	if caller != nil {
		c.r = c.r.WithContext(identity.With(c.r.Context(), *caller))
	}
	if path == "" {
		return c.json(struct{}{})
	}
	if rt == nil {
		return errNotFound
	}
	if !validName(c.repo) {
		return problem(http.StatusBadRequest, "NAME_INVALID", "invalid repository name")
	}
	op, ok := rt[c.r.Method]
	if !ok {
		return errMethod
	}
	if caller != nil { // a download URL carries its permission
		if err := c.permit(op.action, c.repo); err != nil {
			return err
		}
	}
	return op.serve(c)
}

// operation is what a method does at a route, and the IAM action that it takes.
type operation struct {
	action string
	serve  func(*call) error
}

type route map[string]operation

var (
	uploadsRoute = route{http.MethodPost: {"ecr:InitiateLayerUpload", (*call).beginUpload}}
	uploadRoute  = route{
		http.MethodGet:    {"ecr:UploadLayerPart", (*call).uploadStatus},
		http.MethodPatch:  {"ecr:UploadLayerPart", (*call).uploadChunk},
		http.MethodPut:    {"ecr:CompleteLayerUpload", (*call).finishUpload},
		http.MethodDelete: {"ecr:UploadLayerPart", (*call).cancelUpload},
	}
	blobRoute = route{
		http.MethodGet:    {"ecr:GetDownloadUrlForLayer", (*call).getBlob},
		http.MethodHead:   {"ecr:BatchCheckLayerAvailability", (*call).getBlob},
		http.MethodDelete: {"ecr:BatchDeleteImage", (*call).deleteBlob},
	}
	manifestRoute = route{
		http.MethodGet:    {"ecr:BatchGetImage", (*call).getManifest},
		http.MethodHead:   {"ecr:BatchGetImage", (*call).getManifest},
		http.MethodPut:    {"ecr:PutImage", (*call).putManifest},
		http.MethodDelete: {"ecr:BatchDeleteImage", (*call).deleteManifest},
	}
	tagsRoute      = route{http.MethodGet: {"ecr:ListImages", (*call).listTags}}
	referrersRoute = route{http.MethodGet: {"ecr:ListImageReferrers", (*call).listReferrers}}
)

// route splits a path into repository and reference. Repository names have slashes, so
// paths are read from their end.
func (c *call) route(path string) route {
	e := strings.Split(path, "/")
	at := func(i int) string { // counted from the end
		if i > len(e) {
			return ""
		}
		return e[len(e)-i]
	}
	name := func(tail int) string { return strings.Join(e[:max(0, len(e)-tail)], "/") }
	if at(3) == "blobs" && at(2) == "uploads" {
		c.repo, c.ref = name(3), at(1)
		if c.ref == "" {
			return uploadsRoute
		}
		return uploadRoute
	}
	c.repo, c.ref = name(2), at(1)
	switch {
	case at(2) == "blobs" && at(1) == "uploads":
		return uploadsRoute
	case at(2) == "blobs":
		return blobRoute
	case at(2) == "manifests":
		return manifestRoute
	case at(2) == "tags" && at(1) == "list":
		return tagsRoute
	case at(2) == "referrers":
		return referrersRoute
	}
	return nil
}

// authenticate reads who calls from the password, or from a download URL, which needs no
// caller.
func (c *call) authenticate() (*identity.Caller, error) {
	now := c.s.Clock.Now()
	if t := c.r.URL.Query().Get(downloadParam); t != "" && (c.r.Method == http.MethodGet || c.r.Method == http.MethodHead) {
		cl, err := c.s.tokens.read(t, now)
		if err != nil || cl.Blob != c.repo+"@"+c.ref {
			return nil, problem(http.StatusForbidden, "DENIED", "The download URL is not valid for this layer, or has expired.")
		}
		return nil, nil
	}
	user, password, ok := c.r.BasicAuth()
	if !ok || user != "AWS" {
		return nil, errUnauthorized
	}
	cl, err := c.s.tokens.read(password, now)
	switch {
	case errors.Is(err, errExpired):
		return nil, problem(http.StatusForbidden, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
	case err != nil || cl.Blob != "":
		return nil, errUnauthorized
	}
	return &cl.Caller, nil
}

const downloadParam = "turnout-download"

// permit asks whether the caller may do something to a repository.
func (c *call) permit(action, repo string) error {
	if c.s.Authorize == nil {
		return nil
	}
	if err := c.s.Authorize(c.context(), action, c.s.repositoryARN(repo)); err != nil {
		return denied(message(err))
	}
	return nil
}

func (c *call) context() context.Context { return c.r.Context() }

// json answers with a JSON document.
func (c *call) json(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if c.w.Header().Get("Content-Type") == "" {
		c.w.Header().Set("Content-Type", "application/json")
	}
	_, _ = c.w.Write(b) // a client that is gone needs no answer
	return nil
}
