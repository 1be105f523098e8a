package chaos

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// maxFaults bounds the body of a request; a list of faults is far smaller.
const maxFaults = 1 << 20

// ServeHTTP is the control of the faults: GET lists them, POST takes a list of new ones,
// DELETE ends those that ?id= names, or all.
func (c *Chaos) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		answer(w, c.Faults())
	case http.MethodPost:
		var faults []Fault
		dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxFaults))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&faults); err != nil {
			http.Error(w, "the body is a JSON list of faults: "+err.Error(), http.StatusBadRequest)
			return
		}
		made, err := c.Inject(faults...)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, made)
	case http.MethodDelete:
		var ids []int
		for _, s := range r.URL.Query()["id"] {
			n, err := strconv.Atoi(s)
			if err != nil {
				http.Error(w, "id "+strconv.Quote(s)+" is no number", http.StatusBadRequest)
				return
			}
			ids = append(ids, n)
		}
		answer(w, map[string]int{"ended": c.Clear(ids...)})
	default:
		w.Header().Set("Allow", "GET, POST, DELETE")
		http.Error(w, "GET, POST or DELETE", http.StatusMethodNotAllowed)
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a client that is gone does not read it
}
