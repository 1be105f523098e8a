// Package policy writes the smallest IAM policy with which a service is deployed: from
// its configuration, or from the permissions that a rehearsal was seen to ask for.
package policy

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/turnoutdev/turnout/internal/regex"
)

// Permission is one action on one resource.
type Permission struct {
	Action   string // such as ecs:DescribeServices
	Resource string // ARN, wildcards allowed; * for actions that know no resources
	PassedTo string // the service that iam:PassRole passes to
	Cluster  string // ARN of the cluster that the action is bound to by condition, "" for none
}

// Policy is a policy document of IAM.
type Policy struct {
	Version   string       // of IAM's policy language
	Statement []*Statement // by their first action
}

// Statement is one of a policy document.
type Statement struct {
	Effect    string                       // Allow
	Action    []string                     // such as ecs:RegisterTaskDefinition
	Resource  []string                     // ARNs, or *
	Condition map[string]map[string]string `json:",omitempty"` // by operator and key
}

// Document writes permissions as an IAM policy, JSON. Actions with the same resources
// share a statement.
func Document(permissions []Permission) ([]byte, error) {
	type key struct{ passedTo, cluster, resources string }
	resources := map[Permission][]string{} // by action and condition
	for _, p := range permissions {
		bare := Permission{Action: p.Action, PassedTo: p.PassedTo, Cluster: p.Cluster}
		if !slices.Contains(resources[bare], p.Resource) {
			resources[bare] = append(resources[bare], p.Resource)
		}
	}
	grouped := map[key]*Statement{}
	for p, on := range resources {
		slices.Sort(on)
		k := key{p.PassedTo, p.Cluster, strings.Join(on, " ")}
		if grouped[k] == nil {
			grouped[k] = &Statement{Effect: "Allow", Resource: on, Condition: condition(p)}
		}
		grouped[k].Action = append(grouped[k].Action, p.Action)
	}
	out := make([]*Statement, 0, len(grouped))
	for _, s := range grouped {
		slices.Sort(s.Action)
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *Statement) int {
		return cmp.Or(cmp.Compare(a.Action[0], b.Action[0]), cmp.Compare(a.Resource[0], b.Resource[0]))
	})
	b, err := json.MarshalIndent(Policy{"2012-10-17", out}, "", "  ")
	return append(b, '\n'), err
}

func condition(p Permission) map[string]map[string]string {
	switch {
	case p.PassedTo != "":
		return map[string]map[string]string{"StringEquals": {"iam:PassedToService": p.PassedTo}}
	case p.Cluster != "":
		return map[string]map[string]string{"ArnEquals": {"ecs:cluster": p.Cluster}}
	}
	return nil
}

// What differs from run to run in an ARN: a revision, a task, a stream, a random id.
var passing = []struct {
	form *regex.Lazy
	to   string
}{
	{regex.New(`(:task-definition/[^:]+):[0-9]+$`), "$1:*"},
	{regex.New(`(:task(?:-set|)/[^/]+/).+$`), "$1*"},
	{regex.New(`(:log-stream:).*$`), "$1*"},
	{regex.New(`(:service-(?:deployment|revision)/[^/]+/[^/]+/).+$`), "$1*"},
	{regex.New(`^(arn:[^:]+:elasticloadbalancing:[^:]*:[^:]*:(?:loadbalancer/app|targetgroup)/[^/]+/)[0-9a-f]+$`), "$1*"},
	{regex.New(`^(arn:[^:]+:elasticloadbalancing:[^:]*:[^:]*:listener/app/[^/]+/)[0-9a-f]+/[0-9a-f]+$`), "$1*"},
}

// General is the permission without what differs from run to run.
func General(p Permission) Permission {
	for _, g := range passing {
		p.Resource = g.form.ReplaceAllString(p.Resource, g.to)
	}
	if p.Resource != "*" { // the resource says it already
		p.Cluster = ""
	}
	return p
}
