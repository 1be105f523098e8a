package balancer

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Functions are reached like other targets, by a connection on which HTTP/1.1 is spoken:
// its other end is here and turns the request into an event, and what the function returns
// into the response. What goes wrong closes the connection, which the client sees as 502.

const maxFunctionBody = 1 << 20 // of requests and of responses

// connectFunction opens such a connection for one request. Health checks tell the
// function nothing but who asks.
func (t *target) connectFunction(checks bool) net.Conn {
	near, far := net.Pipe()
	t.b.mu.Lock()
	multi := t.group.config.MultiValue
	t.b.mu.Unlock()
	t.b.goes(func() {
		defer far.Close()
		if err := t.serveFunction(far, multi, checks); err != nil {
			t.b.opts.Log.Debug("invoke function", "function", t.function, "error", err)
		}
	})
	return near
}

func (t *target) serveFunction(c net.Conn, multi, checks bool) error {
	r := bufio.NewReader(c)
	req, err := http.ReadRequest(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxFunctionBody+1))
	if err != nil {
		return err
	}
	if len(body) > maxFunctionBody {
		_, _ = io.Copy(io.Discard, req.Body)
		_, err := io.WriteString(c, "HTTP/1.1 413 Request Entity Too Large\r\nServer: "+serverName+"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return err
	}
	if checks {
		req.Header = http.Header{"User-Agent": req.Header["User-Agent"]}
		req.Host = ""
	}
	ctx, cancel := context.WithCancel(t.b.ctx)
	defer cancel()
	t.b.goes(func() {
		_, _ = r.Peek(1) // ends when the client is gone or this is done
		cancel()
	})
	payload, err := json.Marshal(newEvent(req, body, t.group.id, multi))
	if err != nil {
		return err
	}
	if t.b.opts.Invoke == nil {
		return errors.New("nothing invokes functions")
	}
	out, err := t.b.opts.Invoke(ctx, t.function, payload)
	if err != nil {
		return err
	}
	response, err := functionResponse(out, multi)
	if err != nil {
		return err
	}
	_, err = c.Write(response)
	return err
}

// event is what a function gets, in AWS's own form.
type event struct {
	RequestContext struct {
		ELB struct {
			TargetGroupArn string `json:"targetGroupArn"`
		} `json:"elb"`
	} `json:"requestContext"`
	HTTPMethod   string              `json:"httpMethod"`
	Path         string              `json:"path"`
	Query        map[string]string   `json:"queryStringParameters,omitzero"`
	MultiQuery   map[string][]string `json:"multiValueQueryStringParameters,omitzero"`
	Headers      map[string]string   `json:"headers,omitzero"`
	MultiHeaders map[string][]string `json:"multiValueHeaders,omitzero"`
	Body         string              `json:"body"`
	Base64       bool                `json:"isBase64Encoded"`
}

// newEvent tells of a request. Without multi the last of several values stands for all.
func newEvent(r *http.Request, body []byte, group string, multi bool) *event {
	e := &event{HTTPMethod: r.Method}
	e.RequestContext.ELB.TargetGroupArn = group
	var query string
	e.Path, query, _ = strings.Cut(r.RequestURI, "?")
	parameters, headers := map[string][]string{}, map[string][]string{}
	for pair := range strings.SplitSeq(query, "&") {
		if k, v, _ := strings.Cut(pair, "="); pair != "" {
			parameters[k] = append(parameters[k], v) // not decoded, as on AWS
		}
	}
	for name, values := range r.Header {
		if name != "Connection" {
			headers[strings.ToLower(name)] = values
		}
	}
	if r.Host != "" {
		headers["host"] = []string{r.Host}
	}
	if multi {
		e.MultiQuery, e.MultiHeaders = parameters, headers
	} else {
		e.Query, e.Headers = lasts(parameters), lasts(headers)
	}
	if e.Body = string(body); len(body) > 0 && !isText(r.Header) {
		e.Body, e.Base64 = base64.StdEncoding.EncodeToString(body), true
	}
	return e
}

func lasts(all map[string][]string) map[string]string {
	out := make(map[string]string, len(all))
	for k, v := range all {
		out[k] = v[len(v)-1]
	}
	return out
}

// isText knows the bodies that events carry as they are.
func isText(h http.Header) bool {
	kind, _, _ := strings.Cut(strings.ToLower(h.Get("Content-Type")), ";")
	switch kind = strings.TrimSpace(kind); {
	case h.Get("Content-Encoding") != "":
		return false
	case strings.HasPrefix(kind, "text/"):
		return true
	}
	return slices.Contains([]string{"application/json", "application/javascript", "application/xml"}, kind)
}

// functionAnswer is what a function returns.
type functionAnswer struct {
	StatusCode   int              `json:"statusCode"`
	Description  string           `json:"statusDescription"`
	Headers      map[string]any   `json:"headers"`
	MultiHeaders map[string][]any `json:"multiValueHeaders"`
	Body         string           `json:"body"`
	Base64       bool             `json:"isBase64Encoded"`
}

// functionResponse is the response that a function's answer stands for.
func functionResponse(answer []byte, multi bool) ([]byte, error) {
	var a functionAnswer
	if err := json.Unmarshal(answer, &a); err != nil {
		return nil, fmt.Errorf("a function's answer: %w", err)
	}
	if a.StatusCode < 100 || a.StatusCode > 999 {
		return nil, fmt.Errorf("a function's answer has the status %d", a.StatusCode)
	}
	body := []byte(a.Body)
	if a.Base64 {
		var err error
		if body, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			return nil, fmt.Errorf("a function's body: %w", err)
		}
	}
	if len(body) > maxFunctionBody {
		return nil, fmt.Errorf("a function's body of %d bytes is too long", len(body))
	}
	reason := strings.TrimSpace(strings.TrimPrefix(a.Description, strconv.Itoa(a.StatusCode)))
	if reason == "" {
		reason = http.StatusText(a.StatusCode)
	}
	if broken(reason) {
		return nil, errors.New("a function's status description has a line end")
	}
	head := "HTTP/1.1 " + strconv.Itoa(a.StatusCode) + " " + reason + "\r\nServer: " + serverName + "\r\nDate: " + now() +
		"\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\nConnection: close\r\n"
	fields, err := a.fields(multi)
	if err != nil {
		return nil, err
	}
	if a.StatusCode < 200 || a.StatusCode == http.StatusNoContent || a.StatusCode == http.StatusNotModified {
		body = nil
	}
	return append([]byte(head+fields+"\r\n"), body...), nil
}

// fields are the answer's own, of the one of two forms that the target group speaks.
func (a *functionAnswer) fields(multi bool) (string, error) {
	all := a.MultiHeaders
	if !multi {
		all = map[string][]any{}
		for k, v := range a.Headers {
			all[k] = []any{v}
		}
	}
	var b strings.Builder
	typed := false
	for _, name := range slices.Sorted(maps.Keys(all)) {
		switch low := strings.ToLower(name); low {
		case "content-length", "connection", "transfer-encoding", "server", "date":
			continue // the load balancer's
		case "content-type":
			typed = true
		}
		for _, v := range all[name] {
			line := fmt.Sprintf("%s: %v", name, v)
			if name == "" || broken(line) {
				return "", fmt.Errorf("a function's header %q is not one", name)
			}
			b.WriteString(line + "\r\n")
		}
	}
	if !typed {
		b.WriteString("Content-Type: application/octet-stream\r\n")
	}
	return b.String(), nil
}

func broken(s string) bool { return strings.ContainsAny(s, "\r\n\x00") }
