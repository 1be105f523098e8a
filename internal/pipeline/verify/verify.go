// Package verify is the stage that makes sure, after the shift, that the service answers
// as the configuration says.
package verify

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/internal/endpoint"
	"github.com/turnoutdev/turnout/internal/fault"
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
	if err := probe(ctx, url, r.Config.Verify.Status); err != nil {
		return "", fault.New(fault.Failed, "traffic has already moved; `turnout rollback` takes it back", "%w", err)
	}
	return fmt.Sprintf("%s answers %d", url, r.Config.Verify.Status), nil
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

// probe asks once and once more after a moment, so that one lost packet is no failure.
func probe(ctx context.Context, url string, want int) error {
	err := ask(ctx, url, want)
	for try := 0; err != nil && try < 2; try++ {
		select {
		case <-time.After(time.Duration(try+1) * time.Second):
			err = ask(ctx, url, want)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return err
}

func ask(ctx context.Context, url string, want int) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != want {
		body, _ := io.ReadAll(io.LimitReader(res.Body, 200)) // for the message only
		return fmt.Errorf("%s answered %d, expected %d: %s", url, res.StatusCode, want, strings.TrimSpace(string(body)))
	}
	return nil
}
