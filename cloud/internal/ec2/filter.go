package ec2

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/ec2/model"
	"github.com/turnoutdev/turnout/cloud/internal/page"
)

// kind says how resources of one type are found.
type kind[T any] struct {
	noun   string // "vpc ID", in errors
	code   string // of the error for an identifier that does not exist
	id     func(T) *string
	tags   func(T) []model.Tag
	fields map[string]func(T) []string // by the filter's name
}

// query is what describe operations have in common.
type query struct {
	ids     []string
	filters []model.Filter
	token   *string
	size    *int32
}

// choose returns a page of what the caller asked for.
func (k kind[T]) choose(all iter.Seq[T], q query) ([]T, *string, error) {
	for _, f := range q.filters {
		name := aws.ToString(f.Name)
		if k.fields[name] == nil && name != "tag-key" && !strings.HasPrefix(name, "tag:") {
			return nil, nil, invalid("The filter '%s' is invalid", name)
		}
	}
	out := []T{}
	seen := map[string]bool{}
	for x := range all {
		seen[*k.id(x)] = true
		if (len(q.ids) == 0 || slices.Contains(q.ids, *k.id(x))) && k.matches(x, q.filters) {
			out = append(out, x)
		}
	}
	for _, id := range q.ids {
		if !seen[id] {
			return nil, nil, k.none(id)
		}
	}
	size := 1000
	if q.size != nil {
		size = int(*q.size)
	}
	part, next, err := page.Cut(out, func(x T) string { return *k.id(x) }, aws.ToString(q.token), size)
	if err != nil {
		return nil, nil, invalid("Invalid value '%s' for nextToken", aws.ToString(q.token))
	}
	if next == "" {
		return part, nil, nil
	}
	return part, &next, nil
}

// none is the error for an identifier that does not exist.
func (k kind[T]) none(id string) error {
	return failure(k.code, "The %s '%s' does not exist", k.noun, id)
}

// matches holds a resource against all filters; each is satisfied by any of its values.
func (k kind[T]) matches(x T, filters []model.Filter) bool {
	for _, f := range filters {
		if !slices.ContainsFunc(k.values(x, *f.Name), func(have string) bool {
			return slices.ContainsFunc(f.Values, func(want string) bool { return like(have, want) })
		}) {
			return false
		}
	}
	return true
}

func (k kind[T]) values(x T, name string) []string {
	if key, ok := strings.CutPrefix(name, "tag:"); ok {
		for _, t := range k.tags(x) {
			if aws.ToString(t.Key) == key {
				return []string{aws.ToString(t.Value)}
			}
		}
		return nil
	}
	if name == "tag-key" {
		var keys []string
		for _, t := range k.tags(x) {
			keys = append(keys, aws.ToString(t.Key))
		}
		return keys
	}
	return k.fields[name](x)
}

// like matches * and ?, which a backslash takes as they are.
func like(have, want string) bool {
	for i := 0; i < len(want); i++ {
		switch c := want[i]; {
		case c == '*':
			for j := range len(have) + 1 {
				if like(have[j:], want[i+1:]) {
					return true
				}
			}
			return false
		case have == "":
			return false
		case c == '\\' && i+1 < len(want):
			i++
			if have[0] != want[i] {
				return false
			}
		case c != '?' && have[0] != c:
			return false
		}
		have = have[1:]
	}
	return have == ""
}

// text is a filter's field of one text.
func text[T any](get func(T) *string) func(T) []string {
	return func(x T) []string {
		if p := get(x); p != nil {
			return []string{*p}
		}
		return nil
	}
}

// each is a filter's field of every part of a resource that has it.
func each[T, E any](parts func(T) []E, get func(E) *string) func(T) []string {
	return func(x T) (out []string) {
		for _, p := range parts(x) {
			if v := get(p); v != nil {
				out = append(out, *v)
			}
		}
		return out
	}
}

// absent are fields of what no resource here has; a filter by one of them finds nothing.
func absent[T any](fields map[string]func(T) []string, names ...string) map[string]func(T) []string {
	for _, n := range names {
		fields[n] = func(T) []string { return nil }
	}
	return fields
}

// truth is a filter's field that is true or false.
func truth[T any](get func(T) *bool) func(T) []string {
	return func(x T) []string { return []string{strconv.FormatBool(aws.ToBool(get(x)))} }
}
