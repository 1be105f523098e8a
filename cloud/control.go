package cloud

import (
	"errors"
	"io"
	"net/http"
	"os"

	"github.com/turnoutdev/turnout/cloud/internal/chaos"
	"github.com/turnoutdev/turnout/cloud/internal/loopback"
)

// The controls of a cloud that AWS does not have. They ask for no signature, so that a
// test suite reaches them with a plain HTTP client; the cloud listens on loopback only, and
// pages in a browser and what runs in the cloud are kept out.
const (
	ownPath      = "/_turnout/" // no path of AWS's begins so
	resetPath    = ownPath + "reset"
	snapshotPath = ownPath + "snapshot"
	chaosPath    = ownPath + "chaos"
	callsPath    = ownPath + "calls" // tells and forgets observed calls
)

func (c *Cloud) makeControls() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"POST " + resetPath:   c.serveReset,
		"GET " + snapshotPath: c.serveSnapshot,
		"PUT " + snapshotPath: c.serveRestore,
		"GET " + chaosPath:    c.chaos.ServeHTTP,
		"POST " + chaosPath:   c.chaos.ServeHTTP,
		"DELETE " + chaosPath: c.chaos.ServeHTTP,
		"GET " + callsPath:    c.serveCalls,
		"DELETE " + callsPath: c.serveCalls,
	}
}

// control lets in who calls this machine by its own name and is no web page: a page of
// another site sends an Origin or says that it is another site, and one that plays with DNS
// sends a foreign Host.
func (c *Cloud) control(w http.ResponseWriter, r *http.Request, h http.HandlerFunc) {
	site := r.Header.Get("Sec-Fetch-Site")
	if r.Header.Get("Origin") != "" || (site != "" && site != "none") || !loopback.Host(r.Host) {
		http.Error(w, "the controls of a local cloud are for programs on this machine", http.StatusForbidden)
		return
	}
	h(w, r)
}

func (c *Cloud) serveReset(w http.ResponseWriter, r *http.Request) {
	if err := c.Reset(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (c *Cloud) serveSnapshot(w http.ResponseWriter, _ *http.Request) {
	// Into a file first, so that a failure is an error and not half an archive.
	f, err := os.CreateTemp("", "turnout-snapshot-")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer func() { _ = os.Remove(f.Name()) }()
	defer func() { _ = f.Close() }()
	if err := c.Snapshot(f); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/zstd")
	_, _ = io.Copy(w, f) // a client that is gone does not get it
}

func (c *Cloud) serveRestore(w http.ResponseWriter, r *http.Request) {
	err := c.Restore(r.Context(), r.Body)
	switch {
	case errors.Is(err, ErrSnapshot):
		http.Error(w, err.Error(), http.StatusBadRequest)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// Fault is one way in which calls break; see Inject. Its JSON is what the control
// /_turnout/chaos takes.
type Fault = chaos.Fault

// FaultKind is how a call breaks: error, throttle, reset, half, expired or delay.
type FaultKind = chaos.Kind

// Inject makes calls of the API break from now on and returns the faults with their ids.
func (c *Cloud) Inject(faults ...Fault) ([]Fault, error) { return c.chaos.Inject(faults...) }

// Faults are those in force, with how often each has struck.
func (c *Cloud) Faults() []Fault { return c.chaos.Faults() }

// ClearFaults ends all faults.
func (c *Cloud) ClearFaults() { c.chaos.Clear() }
