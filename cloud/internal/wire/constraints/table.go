package constraints

import (
	"embed"
	"strconv"
	"strings"
	"sync"
)

//go:embed data/*.txt
var data embed.FS

// Table holds one service's facts. A nil Table knows nothing and allows everything.
type Table struct {
	ops    map[string]opFacts
	errors []errFact
	shapes map[string]string // name → its line, read when it is needed
	routes []Route
	places map[string][]Place

	mu     sync.Mutex
	checks map[checkKey]*check
	inputs map[string]*check
}

type opFacts struct {
	input          string
	void, unsigned bool
}

type errFact struct {
	shape, code, message string
	status               int
}

// Route is where a restJson operation is found.
type Route struct {
	Op, Method, URI string
	Status          int
}

// Place says that a member travels outside of the body.
type Place struct {
	Member string
	In     string // uri, querystring, header, headers, statusCode, payload
	Name   string // of the header, parameter or label
}

var (
	loadMu sync.Mutex
	loaded = map[string]*Table{}
)

// For returns the table of the service called id, nil if there is none.
func For(id string) *Table {
	loadMu.Lock()
	defer loadMu.Unlock()
	if t, ok := loaded[id]; ok {
		return t
	}
	text, err := data.ReadFile("data/" + id + ".txt")
	if err != nil {
		return nil
	}
	t := parse(string(text))
	loaded[id] = t
	return t
}

func parse(text string) *Table {
	t := &Table{
		ops:    map[string]opFacts{},
		shapes: map[string]string{},
		places: map[string][]Place{},
		checks: map[checkKey]*check{},
		inputs: map[string]*check{},
	}
	for line := range strings.Lines(text) {
		t.add(strings.TrimSuffix(line, "\n"))
	}
	return t
}

func (t *Table) add(line string) {
	kind, rest, _ := strings.Cut(line, " ")
	switch kind {
	case "#", "":
	case "op":
		f := strings.Fields(rest)
		t.ops[f[0]] = opFacts{
			input:    f[1],
			void:     strings.Contains(rest, " void"),
			unsigned: strings.HasSuffix(rest, " unsigned"),
		}
	case "err":
		f := strings.Fields(rest)
		t.errors = append(t.errors, errFact{shape: f[0], code: f[1], status: number(f[2]), message: f[3]})
	case "http":
		f := strings.Fields(rest)
		t.routes = append(t.routes, Route{Op: f[0], Method: f[1], URI: f[2], Status: number(f[3])})
	case "at":
		f := strings.Fields(rest)
		t.places[f[0]] = append(t.places[f[0]], Place{Member: f[1], In: f[2], Name: f[3]})
	default:
		name, _, _ := strings.Cut(rest, " ")
		t.shapes[name] = line
	}
}

func number(s string) int {
	n, _ := strconv.Atoi(s) // the generator wrote it
	return n
}

// Void reports whether an operation has no output, not even an empty structure.
func (t *Table) Void(op string) bool { return t != nil && t.ops[op].void }

// Unsigned reports whether an operation needs no signature.
func (t *Table) Unsigned(op string) bool { return t != nil && t.ops[op].unsigned }

// Knows reports whether the service has an operation of this name.
func (t *Table) Knows(op string) bool {
	if t == nil {
		return false
	}
	_, ok := t.ops[op]
	return ok
}

// Status returns the HTTP status of an error, by its code or its shape; 0 if the model
// does not have it.
func (t *Table) Status(code string) int {
	if e := t.err(code); e != nil {
		return e.status
	}
	return 0
}

// Code returns what an error is called in awsQuery, given its shape or that code itself.
func (t *Table) Code(shape string) string {
	if e := t.err(shape); e != nil {
		return e.code
	}
	return shape
}

// Message returns what an error calls its message, "" if the model does not have it.
func (t *Table) Message(code string) string {
	if e := t.err(code); e != nil && e.message != "-" {
		return e.message
	}
	return ""
}

func (t *Table) err(name string) *errFact {
	if t == nil {
		return nil
	}
	for i := range t.errors {
		if e := &t.errors[i]; e.shape == name || e.code == name {
			return e
		}
	}
	return nil
}

// Routes returns where restJson operations are found.
func (t *Table) Routes() []Route {
	if t == nil {
		return nil
	}
	return t.routes
}

// Places returns the members of a type ("InvokeInput") that travel outside of the body.
func (t *Table) Places(typ string) []Place {
	if t == nil {
		return nil
	}
	return t.places[typ]
}
