// Package provision makes the infrastructure of a turnout.yml by AWS API calls alone:
// repository, roles, log groups, cluster, load balancer with two target groups and
// listeners, service, CodeDeploy application and deployment group.
//
// It is idempotent: what stands already under its name is used as it is and never
// changed. Calls are made one after the other in dependency order, so a run that was
// interrupted is finished by the next one.
package provision

import (
	"context"
	"fmt"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/config"
)

// Provisioner makes the infrastructure of one configuration.
type Provisioner struct {
	AWS    *awsclient.Clients
	Config *config.Config
	// Tell is called for each thing with its kind, its name and whether it was made now.
	Tell func(kind, name string, made bool)

	deployRole   string    // role ARN
	groups       [2]string // target group ARNs
	loadBalancer string
	listener     string
	testListener string
	subnets      []string
	firewall     []string // ids of security groups
	vpc          string
	identity     string // ARN of the caller
}

// Base makes all that the service needs before its first task definition can run.
func (p *Provisioner) Base(ctx context.Context) error {
	for _, step := range []struct {
		what string
		run  func(context.Context) error
	}{
		{"network", p.network},
		{"repository", p.repository},
		{"roles", p.roles},
		{"log groups", p.logGroups},
		{"cluster", p.cluster},
		{"target groups", p.targetGroups},
		{"load balancer", p.balancer},
		{"listeners", p.listeners},
	} {
		if err := step.run(ctx); err != nil {
			return fmt.Errorf("provision %s: %w", step.what, err)
		}
	}
	return nil
}

func (p *Provisioner) tell(kind, name string, made bool) {
	if p.Tell != nil {
		p.Tell(kind, name, made)
	}
}
