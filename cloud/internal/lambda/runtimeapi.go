package lambda

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

// runtimeAPI is where an environment finds the runtime API.
var runtimeAPI = netip.MustParseAddrPort("169.254.100.1:9001")

// maxResponse is how large a function's answer may be.
const maxResponse = 6<<20 + 100

// handler is Lambda's runtime API, version 2018-06-01, for one environment.
func (e *environment) handler() http.Handler {
	const root = "/2018-06-01/runtime"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+root+"/invocation/next", e.giveNext)
	mux.HandleFunc("POST "+root+"/invocation/{id}/response", e.takeResponse)
	mux.HandleFunc("POST "+root+"/invocation/{id}/error", e.takeError)
	mux.HandleFunc("POST "+root+"/init/error", e.takeInitError)
	return mux
}

// giveNext hands the next invocation to the function, which waits for it. That it asks
// tells that it has begun.
func (e *environment) giveNext(w http.ResponseWriter, r *http.Request) {
	e.readyOnce.Do(func() { close(e.ready) })
	var inv *invocation
	select {
	case inv = <-e.next:
	case <-r.Context().Done():
		return
	}
	e.mu.Lock()
	e.current = inv
	e.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", inv.arn)
	h.Set("Lambda-Runtime-Trace-Id", inv.trace)
	if inv.client != "" {
		h.Set("Lambda-Runtime-Client-Context", inv.client)
	}
	_, _ = w.Write(inv.payload) // a function that has gone is seen by its exit
}

// takeResponse takes the answer to the invocation under way.
func (e *environment) takeResponse(w http.ResponseWriter, r *http.Request) {
	inv := e.claim(r.PathValue("id"))
	if inv == nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxResponse))
	var large *http.MaxBytesError
	switch kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); {
	case errors.As(err, &large):
		inv.done <- outcome{failed: &failure{"Function.ResponseSizeTooLarge", fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxResponse)}}
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Response payload is too large")
		return
	case err != nil:
		inv.done <- outcome{failed: &failure{"Runtime.TruncatedResponse", "Response was truncated: " + err.Error()}}
		refuse(w, http.StatusBadRequest, "TruncatedResponse", err.Error())
		return
	case kind != "":
		inv.done <- outcome{payload: body, unhandled: true}
	default:
		inv.done <- outcome{payload: body}
	}
	accept(w)
}

// takeError takes the error by which the invocation under way has ended.
func (e *environment) takeError(w http.ResponseWriter, r *http.Request) {
	inv := e.claim(r.PathValue("id"))
	if inv == nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxResponse))
	if err != nil || !json.Valid(body) {
		body = (&failure{r.Header.Get("Lambda-Runtime-Function-Error-Type"), string(body)}).json()
	}
	inv.done <- outcome{payload: body, unhandled: true}
	accept(w)
}

// takeInitError takes the error for which the function cannot begin.
func (e *environment) takeInitError(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxResponse))
	if err != nil || !json.Valid(body) {
		body = (&failure{r.Header.Get("Lambda-Runtime-Function-Error-Type"), string(body)}).json()
	}
	select {
	case e.initFailed <- body:
	default: // said already
	}
	accept(w)
}

// claim takes the invocation under way, if it has that id; nobody else gets it then.
func (e *environment) claim(id string) *invocation {
	e.mu.Lock()
	defer e.mu.Unlock()
	inv := e.current
	if inv == nil || inv.id != id {
		return nil
	}
	e.current = nil
	return inv
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`) // the function may have gone
}

func refuse(w http.ResponseWriter, status int, kind, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write((&failure{kind, text}).json())
}

// failure is how an invocation ends badly, in the words that its caller gets.
type failure struct {
	Type    string `json:"errorType,omitempty"`
	Message string `json:"errorMessage"`
}

func (f *failure) json() []byte {
	b, _ := json.Marshal(f) // strings
	return b
}

// invocation is one on its way through an environment.
type invocation struct {
	id, arn, trace, client string
	payload                []byte
	deadline               time.Time
	done                   chan outcome // has room for one
}

// outcome is how an invocation ended.
type outcome struct {
	payload   []byte
	unhandled bool     // payload is the function's own error
	failed    *failure // Lambda's
}
