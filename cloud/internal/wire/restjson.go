package wire

import (
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/wire/codec"
	"github.com/turnoutdev/turnout/cloud/internal/wire/constraints"
)

// restJSON is restJson1: operations have paths, members may travel in the path, the query
// and headers. Which ones, the model tells.
type restJSON struct {
	route  *constraints.Route
	labels map[string]string // from the path
}

func (restJSON) family() Protocol    { return RestJSON }
func (restJSON) contentType() string { return "application/json" }

// routeREST finds the operation with the most literal template that fits.
func (x *exchange) routeREST(svc *Service) bool {
	var best *constraints.Route
	var labels map[string]string
	highest := -1
	routes := svc.model().Routes()
	for i := range routes {
		if rt := &routes[i]; rt.Method == x.r.Method {
			if l, score := matchURI(rt.URI, x.r.URL); score > highest {
				best, labels, highest = rt, l, score
			}
		}
	}
	if best == nil {
		return false
	}
	x.service = svc
	x.op = svc.Op(best.Op)
	x.speak(restJSON{best, labels})
	return true
}

// matchURI holds a URL against a template such as /functions/{Name}/invocations,
// /objects/{Key+} or /layers?find=LayerVersion. The score counts what is literal; it is -1
// for a URL that does not fit.
func matchURI(template string, u *url.URL) (labels map[string]string, score int) {
	path, query, _ := strings.Cut(template, "?")
	if query != "" {
		if k, v, _ := strings.Cut(query, "="); u.Query().Get(k) != v || !u.Query().Has(k) {
			return nil, -1
		}
		score++
	}
	want := strings.Split(strings.Trim(path, "/"), "/")
	got := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	labels = map[string]string{}
	for i, w := range want {
		if i >= len(got) {
			return nil, -1
		}
		if w == got[i] {
			score++
			continue
		}
		name, isLabel := strings.CutPrefix(strings.TrimSuffix(w, "}"), "{")
		value := got[i]
		if greedy, ok := strings.CutSuffix(name, "+"); ok {
			name, value = greedy, strings.Join(got[i:], "/")
			got = got[:i+1]
		}
		plain, err := url.PathUnescape(value)
		if !isLabel || err != nil || plain == "" {
			return nil, -1
		}
		labels[name] = plain
	}
	if len(got) != len(want) {
		return nil, -1
	}
	return labels, score
}

func (p restJSON) decode(x *exchange, in any) (unknown []string, err error) {
	names, v := x.service.Names, reflect.ValueOf(in).Elem()
	plan := names.Plan(x.op.in)
	places := x.service.model().Places(x.op.in.Name())
	if payload := payloadOf(plan, places); payload == nil {
		if unknown, err = names.DecodeJSON(x.body, in); err != nil {
			return nil, err
		}
	} else if len(x.body) > 0 {
		if unknown, err = names.DecodePayload(payload, payload.Of(v), x.body); err != nil {
			return nil, err
		}
	}
	query := x.r.URL.Query()
	for _, place := range places {
		f := plan.Field(place.Member)
		if f == nil {
			continue // the model knows more than the SDK
		}
		values := p.values(x.r, query, place)
		if len(values) == 0 {
			continue
		}
		if err := codec.SetText(f.Plan, f.Of(v), values, place.Member); err != nil {
			return nil, err
		}
	}
	return unknown, nil
}

// values returns what a request has at a place.
func (p restJSON) values(r *http.Request, query url.Values, place constraints.Place) []string {
	switch place.In {
	case "uri":
		return []string{p.labels[place.Name]}
	case "querystring":
		return query[place.Name]
	case "header":
		return r.Header.Values(place.Name)
	}
	return nil
}

func payloadOf(plan *codec.Plan, places []constraints.Place) *codec.Field {
	for _, place := range places {
		if place.In == "payload" {
			return plan.Field(place.Member)
		}
	}
	return nil
}

func (p restJSON) encode(x *exchange, b []byte, out any) ([]byte, error) {
	names, v := x.service.Names, reflect.ValueOf(out).Elem()
	plan := names.Plan(x.op.out)
	places := x.service.model().Places(x.op.out.Name())
	x.status = p.route.Status
	elsewhere := map[string]bool{}
	for _, place := range places {
		f := plan.Field(place.Member)
		if f == nil {
			continue
		}
		elsewhere[place.Member] = true
		switch place.In {
		case "header":
			if text, ok := codec.Text(f.Plan, f.Of(v)); ok {
				x.w.Header().Set(place.Name, text)
			}
		case "statusCode":
			if text, _ := codec.Text(f.Plan, f.Of(v)); text != "" && text != "0" {
				x.status, _ = strconv.Atoi(text) // the text of an int32
			}
		}
	}
	if payload := payloadOf(plan, places); payload != nil {
		return names.AppendPayload(b, payload, payload.Of(v))
	}
	if x.void() {
		return b, nil
	}
	return names.AppendJSONMembers(b, out, func(name string) bool { return elsewhere[name] })
}

func (restJSON) fail(x *exchange, b []byte, f *fault) []byte {
	x.w.Header()["X-Amzn-Errortype"] = []string{f.code}
	b = append(b, `{"__type":`...)
	return appendJSONFault(x, codec.AppendQuoted(b, f.code), f)
}

func (p restJSON) present(x *exchange, path string) bool {
	for _, place := range x.service.model().Places(x.op.in.Name()) {
		if place.Member == path {
			return len(p.values(x.r, x.r.URL.Query(), place)) > 0
		}
	}
	return codec.JSONHas(x.body, path)
}
