package console

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// view is what one page shows, put together for one request.
type view func(r *http.Request) (any, error)

const (
	lookAgain = 200 * time.Millisecond // while somebody watches
	sayHello  = 15 * time.Second       // to one who watches while nothing happens, lest he be gone
)

// ServeHTTP answers once, or with every change if events are asked for.
func (v view) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		v.stream(w, r)
		return
	}
	model, err := v(r)
	if err != nil {
		e := complain(err)
		refuse(w, http.StatusNotFound, e.Code, e.Message)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(model) // a client that is gone does not get it
}

// stream sends the view whenever it has changed, until the client goes or the cloud ends.
func (v view) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	var last []byte
	said := time.Now()
	for {
		now := v.event(r)
		switch {
		case !bytes.Equal(now, last):
			last = now
		case time.Since(said) > sayHello:
			now = []byte(": here\n\n")
		default:
			now = nil
		}
		if now != nil {
			said = time.Now()
			if _, err := w.Write(now); err != nil || out.Flush() != nil {
				return
			}
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

// event is the view as it is now, or why there is none.
func (v view) event(r *http.Request) []byte {
	model, err := v(r)
	name := "view"
	if err != nil {
		name, model = "refused", complain(err)
	}
	b, err := json.Marshal(model)
	if err != nil {
		return nil // no model of ours
	}
	return append(append([]byte("event: "+name+"\ndata: "), b...), "\n\n"...)
}

// about is the cloud itself.
type about struct {
	Region    string  `json:"region"`
	Account   string  `json:"account"`
	Driver    string  `json:"driver"`
	TimeScale float64 `json:"timeScale"`
	Token     string  `json:"token"`
}

func (c *Console) about(*http.Request) (any, error) {
	return about{c.Region, c.Account, c.Driver, float64(time.Hour) / float64(c.Scale(time.Hour)), c.Token}, nil
}
