package codedeploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/goccy/go-yaml"
)

// appSpec is what an AppSpec says.
type appSpec struct {
	TaskDefinition string
	Container      string
	Port           int32
	Platform       string // version of Fargate
	Network        *ecstypes.AwsVpcConfiguration
	Providers      []ecstypes.CapacityProviderStrategyItem
	Hooks          map[string]string // by event
}

const (
	invalidSpec = "The deployment failed because the AppSpec file that specifies the deployment configuration is missing or has an invalid configuration. "
	malformed   = invalidSpec + "The input AppSpec file is a not well-formed yaml. The template cannot be parsed."
)

// hookEvents are the events at which a hook may run.
var hookEvents = []string{"BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"}

// parseAppSpec reads JSON, else YAML, keys in any casing.
func parseAppSpec(text string) (appSpec, error) {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		v = nil
		if !flat(text) || yaml.Unmarshal([]byte(text), &v) != nil {
			return appSpec{}, errors.New(malformed)
		}
	}
	a := appSpec{Hooks: map[string]string{}}
	r := reading{}
	p := r.properties(v)
	if r.fault == "" {
		r.read(&a, p)
		r.hooks(&a, get(v, "hooks"))
	}
	if r.fault != "" {
		return a, errors.New(invalidSpec + r.fault)
	}
	return a, nil
}

// The parser's time grows with the square of nesting, and of the keys of a map. An AppSpec
// needs six levels and a few dozen keys.
const (
	specSize  = 256 << 10
	specDepth = 64
	specMarks = 4096 // of what may end a key
)

// flat refuses a text that would keep the parser busy.
func flat(text string) bool {
	if len(text) > specSize {
		return false
	}
	brackets := 0
	for line := range strings.Lines(strings.ReplaceAll(text, "\r", "\n")) {
		rest := strings.TrimLeft(line, " \t")
		depth := brackets + (len(line)-len(rest)+1)/2
		for len(rest) > 1 && (rest[0] == '-' || rest[0] == '?') && (rest[1] == ' ' || rest[1] == '\t') {
			depth++
			rest = strings.TrimLeft(rest[1:], " \t")
		}
		opened := strings.Count(rest, "[") + strings.Count(rest, "{")
		if depth+opened > specDepth {
			return false
		}
		brackets = max(0, brackets+opened-strings.Count(rest, "]")-strings.Count(rest, "}"))
	}
	return strings.Count(text, "*") <= specDepth && strings.Count(text, ":")+strings.Count(text, ",")+strings.Count(text, "?") <= specMarks
}

// reading notes the first fault of an AppSpec.
type reading struct{ fault string }

func (r *reading) wrong(format string, args ...any) {
	if r.fault == "" {
		r.fault = fmt.Sprintf(format, args...)
	}
}

// properties finds those of the one ECS service.
func (r *reading) properties(v any) any {
	switch n := get(v, "version").(type) {
	case float64, uint64, int64, int:
	case string: // "0.0", as tools send it
	case nil:
		r.wrong("The version must be specified.")
	default:
		r.wrong("The version must be a number, not %v.", n)
	}
	list, ok := get(v, "resources").([]any)
	if !ok || len(list) != 1 {
		r.wrong("Resources must be a list with exactly one resource.")
		return nil
	}
	m, _ := list[0].(map[string]any)
	if len(m) != 1 {
		r.wrong("A resource must have exactly one name.")
		return nil
	}
	for n, res := range m {
		if t, _ := get(res, "type").(string); t != "AWS::ECS::Service" {
			r.wrong("The resource %s must have the type AWS::ECS::Service.", n)
		}
		p := get(res, "properties")
		if _, ok := p.(map[string]any); !ok {
			r.wrong("The resource %s must have Properties.", n)
		}
		return p
	}
	return nil
}

func (r *reading) read(a *appSpec, p any) {
	a.TaskDefinition = r.text(p, "TaskDefinition", true)
	lb, ok := get(p, "loadBalancerInfo").(map[string]any)
	if !ok {
		r.wrong("LoadBalancerInfo must be an object with ContainerName and ContainerPort.")
		return
	}
	a.Container = r.text(lb, "ContainerName", true)
	a.Port = r.number(lb, "ContainerPort", 1, math.MaxUint16)
	a.Platform = r.text(p, "PlatformVersion", false)
	r.network(a, get(p, "networkConfiguration"))
	switch list := get(p, "capacityProviderStrategy").(type) {
	case nil:
	case []any:
		for _, it := range list {
			name := r.text(it, "CapacityProvider", true)
			a.Providers = append(a.Providers, ecstypes.CapacityProviderStrategyItem{
				CapacityProvider: &name, Base: r.number(it, "Base", 0, 100000), Weight: r.number(it, "Weight", 0, 1000),
			})
		}
	default:
		r.wrong("CapacityProviderStrategy must be a list.")
	}
}

func (r *reading) text(v any, key string, required bool) string {
	switch s := get(v, key).(type) {
	case string:
		if s != "" || !required {
			return s
		}
	case nil:
		if !required {
			return ""
		}
	}
	r.wrong("%s must be a string that is not empty.", key)
	return ""
}

// number is a whole number, the smallest where none is given that is not required.
func (r *reading) number(v any, key string, least, most float64) int32 {
	var n float64
	switch x := get(v, key).(type) {
	case float64:
		n = x
	case uint64:
		n = float64(x)
	case int64:
		n = float64(x)
	case nil:
		n = least
		if least > 0 {
			n = math.NaN()
		}
	default: // a port in quotes, too
		n = math.NaN()
	}
	if !(n >= least && n <= most) || n != math.Trunc(n) {
		r.wrong("%s must be an integer from %g to %g.", key, least, most)
		return 0
	}
	return int32(n)
}

// network reads subnets, security groups and the public address: all of them, or none.
func (r *reading) network(a *appSpec, v any) {
	if v == nil {
		return
	}
	c := get(v, "awsvpcConfiguration")
	subnets, groups, public := r.list(c, "Subnets"), r.list(c, "SecurityGroups"), ecstypes.AssignPublicIp(r.text(c, "AssignPublicIp", false))
	if len(subnets) == 0 || len(groups) == 0 || !oneOf(public, public.Values()) {
		r.wrong("NetworkConfiguration must have an AwsvpcConfiguration with Subnets, SecurityGroups and AssignPublicIp.")
		return
	}
	a.Network = &ecstypes.AwsVpcConfiguration{Subnets: subnets, SecurityGroups: groups, AssignPublicIp: public}
}

func (r *reading) list(v any, key string) (out []string) {
	items, ok := get(v, key).([]any)
	if !ok && get(v, key) != nil {
		r.wrong("%s must be a list.", key)
	}
	for _, it := range items {
		s, ok := it.(string)
		if !ok {
			r.wrong("%s must be a list of strings.", key)
		}
		out = append(out, s)
	}
	return out
}

// hooks reads the functions, one to an event.
func (r *reading) hooks(a *appSpec, v any) {
	if v == nil {
		return
	}
	list, ok := v.([]any)
	if !ok {
		r.wrong("Hooks must be a list.")
		return
	}
	for _, it := range list {
		m, ok := it.(map[string]any)
		if !ok {
			r.wrong("Hooks must be a list of lifecycle events with their functions.")
		}
		for k, f := range m {
			i := slices.IndexFunc(hookEvents, func(e string) bool { return strings.EqualFold(e, k) })
			if i < 0 {
				r.wrong("%s is not a lifecycle event at which a hook can run.", k)
				return
			}
			s, _ := f.(string)
			if _, twice := a.Hooks[hookEvents[i]]; twice || s == "" {
				r.wrong("The hook %s must have exactly one Lambda function.", hookEvents[i])
			}
			a.Hooks[hookEvents[i]] = s
		}
	}
}

func get(v any, key string) any {
	m, _ := v.(map[string]any)
	for k, x := range m {
		if strings.EqualFold(k, key) {
			return x
		}
	}
	return nil
}
