package config

import (
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// AWS's own limit for the names of target groups and load balancers.
const maxName = 32

// fresh is a configuration before its file is read. What may be zero has its default
// already, so that a zero in the file is kept.
func fresh(file string) *Config {
	c := &Config{File: file, Dir: filepath.Dir(file)}
	c.Infrastructure.DeregistrationDelay = 5 * time.Minute
	c.Infrastructure.TerminationWait = 5 * time.Minute
	return c
}

// defaults fills in what the file left out.
func (c *Config) defaults() {
	set(&c.Version, 1)
	set(&c.Cluster, "default")
	set(&c.TaskDef, c.firstThatExists("taskdef.json", "taskdef.yaml", "taskdef.yml"))
	set(&c.AppSpec, c.firstThatExists("appspec.json", "appspec.yaml", "appspec.yml"))
	set(&c.Image.Repository, c.Service)
	set(&c.Image.Context, ".")
	set(&c.Image.Dockerfile, filepath.Join(c.Image.Context, "Dockerfile"))
	set(&c.Image.Builder, "auto")
	c.CodeDeploy.Named = c.CodeDeploy.Application != "" && c.CodeDeploy.Group != ""
	set(&c.CodeDeploy.Application, "AppECS-"+c.Cluster+"-"+c.Service)
	set(&c.CodeDeploy.Group, "DgpECS-"+c.Cluster+"-"+c.Service)
	for i := range c.Gates {
		g := &c.Gates[i]
		set(&g.Name, strings.Join(append(slices.Clone(g.Run), g.Path), " "))
		g.Name = strings.TrimSpace(g.Name)
		set(&g.Status, 200)
		set(&g.Timeout, 2*time.Minute)
	}
	set(&c.Verify.Status, 200)
	c.infrastructure()
	set(&c.Rehearse.Rate, 200)
	set(&c.Rehearse.TimeScale, 1200)
	set(&c.Rehearse.Path, "/")
}

func (c *Config) infrastructure() {
	in := &c.Infrastructure
	set(&in.DesiredCount, 2)
	set(&in.LaunchType, "FARGATE")
	set(&in.LoadBalancer.Name, shorten(c.Service, maxName))
	set(&in.LoadBalancer.Port, 80)
	if len(in.TargetGroups) == 0 {
		in.TargetGroups = []string{shorten(c.Service, maxName-6) + "-blue", shorten(c.Service, maxName-6) + "-green"}
	}
	set(&in.Health.Path, "/")
	set(&in.Health.Interval, 30*time.Second)
	set(&in.Health.Timeout, 5*time.Second)
	set(&in.Health.Healthy, 5)
	set(&in.Health.Unhealthy, 2)
	set(&in.Health.Matcher, "200")
	if in.Rollback == nil {
		in.Rollback = []string{"DEPLOYMENT_FAILURE"}
	}
	set(&in.DeploymentConfig, "CodeDeployDefault.ECSAllAtOnce")
	set(&in.Roles.Execution, "ecsTaskExecutionRole")
	set(&in.Roles.CodeDeploy, c.Service+"-codedeploy")
}

func set[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

func (c *Config) firstThatExists(names ...string) string {
	for _, n := range names {
		if exists(c.Path(n)) {
			return n
		}
	}
	return names[0]
}

func shorten(s string, n int) string { return s[:min(len(s), n)] }
