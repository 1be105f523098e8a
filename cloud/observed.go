package cloud

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
)

// Call is a permission that somebody has asked for, whether or not it was granted: one
// action on one resource, in the terms of IAM.
type Call struct {
	Caller   string `json:"caller"`             // ARN of who asked
	Service  string `json:"service,omitempty"`  // that acted for itself, such as codedeploy.amazonaws.com, "" for clients
	Action   string `json:"action"`             // such as ecs:DescribeServices
	Resource string `json:"resource"`           // ARN, or * for actions that know no resources
	PassedTo string `json:"passedTo,omitempty"` // iam:PassedToService of iam:PassRole
	Cluster  string `json:"cluster,omitempty"`  // ecs:cluster, where the request has one
}

// observed are the calls since the beginning, each once.
type observed struct {
	mu    sync.Mutex
	calls map[Call]bool
}

func (o *observed) note(c Call) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.calls == nil {
		o.calls = map[Call]bool{}
	}
	o.calls[c] = true
}

// Calls are the permissions that were asked for since the cloud's start or ForgetCalls,
// each once, in the order of caller, action and resource.
func (c *Cloud) Calls() []Call {
	c.observed.mu.Lock()
	defer c.observed.mu.Unlock()
	out := make([]Call, 0, len(c.observed.calls))
	for call := range c.observed.calls {
		out = append(out, call)
	}
	slices.SortFunc(out, func(a, b Call) int {
		return cmp.Or(cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Action, b.Action), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.PassedTo, b.PassedTo), cmp.Compare(a.Cluster, b.Cluster))
	})
	return out
}

// ForgetCalls begins anew.
func (c *Cloud) ForgetCalls() {
	c.observed.mu.Lock()
	defer c.observed.mu.Unlock()
	c.observed.calls = nil
}

func (c *Cloud) serveCalls(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodDelete {
		c.ForgetCalls()
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(c.Calls()) // a client that is gone does not get it
}
