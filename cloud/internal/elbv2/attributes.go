package elbv2

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// attribute is one key that a resource can be configured by.
type attribute struct {
	key   string
	value string // by default
	check func(key, value string) error
}

// attributes are a resource's: what it may have, and what was set.
type attributes struct {
	may []attribute
	set map[string]string
}

// attributesOf tells the attributes of a loadBalancer, listener or targetGroup.
func attributesOf(of any) attributes {
	switch x := of.(type) {
	case loadBalancer:
		if x.Desc.Type == types.LoadBalancerTypeEnumNetwork {
			return attributes{networkAttributes, x.Attributes}
		}
		return attributes{applicationAttributes, x.Attributes}
	case listener:
		if isNetwork(*x.Desc.ListenerArn) {
			return attributes{tcpListenerAttributes, x.Attributes}
		}
		return attributes{httpListenerAttributes, x.Attributes}
	case targetGroup:
		if isFunction(x.Desc) {
			return attributes{functionGroupAttributes, x.Attributes}
		}
		if isHTTP(x.Desc.Protocol) {
			return attributes{httpGroupAttributes, x.Attributes}
		}
		return attributes{tcpGroupAttributes, x.Attributes}
	}
	return attributes{}
}

func (a attributes) get(key string) string {
	if v, ok := a.set[key]; ok {
		return v
	}
	for _, m := range a.may {
		if m.key == key {
			return m.value
		}
	}
	return ""
}

// each calls f for every attribute, set or not, in the order of the tables.
func (a attributes) each(f func(key, value string)) {
	for _, m := range a.may {
		f(m.key, a.get(m.key))
	}
}

// with returns what is set when the pairs are set, too. What names the resource in errors.
func (a attributes) with(what string, pairs [][2]string) (map[string]string, error) {
	set := maps.Clone(a.set)
	if set == nil {
		set = map[string]string{}
	}
	for _, p := range pairs {
		i := slices.IndexFunc(a.may, func(m attribute) bool { return m.key == p[0] })
		if i < 0 {
			return nil, validation("%s attribute key '%s' is not recognized", what, p[0])
		}
		if err := a.may[i].check(p[0], p[1]); err != nil {
			return nil, err
		}
		set[p[0]] = p[1]
	}
	return set, nil
}

func anything(string, string) error { return nil }

func oneOf(values ...string) func(key, value string) error {
	return func(key, value string) error {
		if slices.Contains(values, value) {
			return nil
		}
		return validation("'%s' value '%s' must be one of [%s]", key, value, strings.Join(values, ", "))
	}
}

var boolean = oneOf("true", "false")

func between(low, high int) func(key, value string) error {
	return func(key, value string) error {
		if n, err := strconv.Atoi(value); err == nil && low <= n && n <= high {
			return nil
		}
		return validation("'%s' value '%s' must be between '%d-%d' inclusive", key, value, low, high)
	}
}

func or(value string, check func(key, value string) error) func(key, value string) error {
	return func(key, v string) error {
		if v == value {
			return nil
		}
		return check(key, v)
	}
}
