// Package verify is the stage that makes sure, after the shift, that the service answers
// as the configuration says.
package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/internal/endpoint"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/probe"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/watch"
)

// Stage verifies the result.
type Stage struct{}

func (Stage) String() string { return "verify" }

// Skip tells that nothing is configured to be asked, or that traffic was not waited for.
func (Stage) Skip(r *run.Run) string {
	switch until := r.Until(); {
	case until == watch.Registered || until == watch.Created:
		return "waited until " + string(until) + " only"
	case r.Config.Verify.Path == "" && r.Config.Verify.URL == "":
		return "no verify.path in turnout.yml"
	}
	return ""
}

// Run probes the service. That the new revision is the one that serves, the shift has
// made sure of.
func (Stage) Run(ctx context.Context, r *run.Run) (string, error) {
	url, err := address(ctx, r)
	if err != nil {
		return "", err
	}
	r.Facts.URL = url
	status := r.Config.Verify.Status
	// A failure is put up with for a moment: one lost packet is no verdict.
	p := probe.Probe{URL: url, Status: []probe.Range{{From: status, To: status}}, Interval: time.Second, Within: 3 * time.Second}
	if err := p.Run(ctx, func(probe.Attempt) {}); err != nil {
		return "", fault.New(fault.Failed, "traffic has already moved; `turnout rollback` takes it back", "%w", err)
	}
	return fmt.Sprintf("%s answers %d", url, status), nil
}

// address is where the production listener is reached.
func address(ctx context.Context, r *run.Run) (string, error) {
	v := r.Config.Verify
	switch {
	case v.URL != "":
		return v.URL, nil
	case r.Options.URL != "":
		return r.Options.URL + v.Path, nil
	}
	listener := endpoint.Production(r.Group)
	if r.Group == nil && r.Service != nil && len(r.Service.LoadBalancers) > 0 {
		var err error
		if listener, err = endpoint.Forwarding(ctx, r.AWS.ELB(), aws.ToString(r.Service.LoadBalancers[0].TargetGroupArn)); err != nil {
			return "", err
		}
	}
	if listener == "" {
		return "", fault.New(fault.Usage, "set verify.url in turnout.yml", "no listener is known that forwards to service %s", r.Config.Service)
	}
	url, err := endpoint.URL(ctx, r.AWS.ELB(), listener)
	return url + v.Path, err
}
