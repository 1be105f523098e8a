// Package config reads turnout.yml: what is deployed, and the shape of the
// infrastructure that `turnout provision` and a rehearsal make for it.
//
// The smallest useful file is one line, `service: NAME`. Load fills in defaults and
// checks everything that can be checked without other files; every error carries file,
// line, column and a hint.
package config

import (
	"time"
)

// Config is a turnout.yml with its defaults filled in. Paths are relative to Dir.
type Config struct {
	File string `yaml:"-"` // where it was read from, "" for defaults only
	Dir  string `yaml:"-"` // the folder that paths are relative to

	Version   int    `yaml:"version,omitempty"` // of the file's form: 1
	Region    string `yaml:"region,omitempty"`  // default: the AWS environment's
	Local     bool   `yaml:"local,omitempty"`   // talk to the local cloud unless --aws is given
	Service   string `yaml:"service"`
	Cluster   string `yaml:"cluster,omitempty"`   // default "default"
	Container string `yaml:"container,omitempty"` // default: the appspec's container
	TaskDef   string `yaml:"taskdef,omitempty"`   // default taskdef.json, else .yaml/.yml
	AppSpec   string `yaml:"appspec,omitempty"`   // default appspec.json, else .yaml/.yml

	Image          Image          `yaml:"image,omitempty"`
	Render         Render         `yaml:"render,omitempty"`
	CodeDeploy     CodeDeploy     `yaml:"codedeploy,omitempty"`
	Gates          []Gate         `yaml:"gates,omitempty"`
	Verify         Verify         `yaml:"verify,omitempty"`
	Infrastructure Infrastructure `yaml:"infrastructure,omitempty"`
	Rehearse       Rehearse       `yaml:"rehearse,omitempty"`
}

// Image says how the image is built and where it goes.
type Image struct {
	Repository string            `yaml:"repository,omitempty"` // default: the service's name
	Context    string            `yaml:"context,omitempty"`    // default "."
	Dockerfile string            `yaml:"dockerfile,omitempty"` // default CONTEXT/Dockerfile
	Target     string            `yaml:"target,omitempty"`     // a stage's name
	Platform   string            `yaml:"platform,omitempty"`   // default: the task definition's runtimePlatform
	Builder    string            `yaml:"builder,omitempty"`    // auto, docker, podman, buildah, builtin
	Args       map[string]string `yaml:"args,omitempty"`       // build arguments
	Prepare    []string          `yaml:"prepare,omitempty"`    // a command (argv) to run in Context before the build
}

// Render is what every deployment changes in the task definition, beside the image.
type Render struct {
	TaskRole      string      `yaml:"task_role,omitempty"`      // ARN
	ExecutionRole string      `yaml:"execution_role,omitempty"` // ARN
	Containers    []Container `yaml:"containers,omitempty"`
}

// Container is what changes in one container. Named values are changed where they stand,
// or added; a command and environment files replace those that stand.
type Container struct {
	Name        string            `yaml:"name,omitempty"` // default: the container that the load balancer reaches
	Image       string            `yaml:"image,omitempty"`
	Command     []string          `yaml:"command,omitempty"`
	EnvFiles    []string          `yaml:"env_files,omitempty"` // ARNs of files in S3
	Environment map[string]string `yaml:"environment,omitempty"`
	Secrets     map[string]string `yaml:"secrets,omitempty"` // name → ARN of a parameter or secret
	Labels      map[string]string `yaml:"labels,omitempty"`
	LogDriver   string            `yaml:"log_driver,omitempty"`
	LogOptions  map[string]string `yaml:"log_options,omitempty"`
}

// CodeDeploy names the application and the deployment group.
type CodeDeploy struct {
	Named bool `yaml:"-"` // the file names both, so that they need not be searched for

	Application string `yaml:"application,omitempty"` // default AppECS-CLUSTER-SERVICE
	Group       string `yaml:"group,omitempty"`       // default DgpECS-CLUSTER-SERVICE
	Config      string `yaml:"config,omitempty"`      // default: the group's own
	Description string `yaml:"description,omitempty"`
}

// Gate decides, while a deployment waits at Ready, whether its traffic may move. It runs
// a command, which finds TURNOUT_URL and others in its environment, or asks the test
// listener for a path.
type Gate struct {
	Name     string        `yaml:"name,omitempty"`     // default: the command or the path
	Run      []string      `yaml:"run,omitempty"`      // a command (argv)
	Path     string        `yaml:"path,omitempty"`     // such as /healthz
	Status   int           `yaml:"status,omitempty"`   // default 200
	Contains string        `yaml:"contains,omitempty"` // text that the answer is to have
	Timeout  time.Duration `yaml:"timeout,omitempty"`  // default 2m
}

// Verify is the check after traffic has moved; an empty Path means none.
type Verify struct {
	URL    string `yaml:"url,omitempty"`    // default: the production listener
	Path   string `yaml:"path,omitempty"`   // such as /healthz
	Status int    `yaml:"status,omitempty"` // default 200
}

// Infrastructure is what `turnout provision` makes. Names default to the service's.
type Infrastructure struct {
	DesiredCount        int           `yaml:"desired_count,omitempty"`        // default 2
	LaunchType          string        `yaml:"launch_type,omitempty"`          // default FARGATE
	Subnets             []string      `yaml:"subnets,omitempty"`              // default: the default VPC's, local only
	SecurityGroups      []string      `yaml:"security_groups,omitempty"`      // default: with the subnets' default, its default group
	VPC                 string        `yaml:"vpc,omitempty"`                  //
	LoadBalancer        LoadBalancer  `yaml:"load_balancer,omitempty"`        //
	TargetGroups        []string      `yaml:"target_groups,omitempty"`        // default SERVICE-blue, SERVICE-green
	Health              Health        `yaml:"health,omitempty"`               //
	DeregistrationDelay time.Duration `yaml:"deregistration_delay,omitempty"` // default 5m
	HealthGrace         time.Duration `yaml:"health_grace,omitempty"`         // default 0
	ReadyWait           time.Duration `yaml:"ready_wait,omitempty"`           // default 0: continue at once
	TerminationWait     time.Duration `yaml:"termination_wait,omitempty"`     // default 5m
	Rollback            []string      `yaml:"rollback,omitempty"`             // default [DEPLOYMENT_FAILURE]
	DeploymentConfig    string        `yaml:"deployment_config,omitempty"`    // default CodeDeployDefault.ECSAllAtOnce
	Roles               Roles         `yaml:"roles,omitempty"`                //
}

// LoadBalancer is the application load balancer in front of the service.
type LoadBalancer struct {
	Name     string `yaml:"name,omitempty"`
	Port     int    `yaml:"port,omitempty"`      // production listener, default 80
	TestPort int    `yaml:"test_port,omitempty"` // test listener, default none
}

// Health is the target groups' health check, with AWS's defaults.
type Health struct {
	Path      string        `yaml:"path,omitempty"`      // default /
	Interval  time.Duration `yaml:"interval,omitempty"`  // default 30s
	Timeout   time.Duration `yaml:"timeout,omitempty"`   // default 5s
	Healthy   int           `yaml:"healthy,omitempty"`   // default 5
	Unhealthy int           `yaml:"unhealthy,omitempty"` // default 2
	Matcher   string        `yaml:"matcher,omitempty"`   // default "200"
}

// Roles are the names of the IAM roles that provision makes.
type Roles struct {
	Execution  string `yaml:"execution,omitempty"`  // default ecsTaskExecutionRole
	Task       string `yaml:"task,omitempty"`       // default none
	CodeDeploy string `yaml:"codedeploy,omitempty"` // default SERVICE-codedeploy
}

// Rehearse holds the defaults of `turnout rehearse`.
type Rehearse struct {
	Rate      int     `yaml:"rate,omitempty"`       // requests a second, default 200
	TimeScale float64 `yaml:"time_scale,omitempty"` // default 1200
	Path      string  `yaml:"path,omitempty"`       // what the load asks for, default /
	Stream    string  `yaml:"stream,omitempty"`     // a streaming endpoint to hold open, default none
	Baseline  string  `yaml:"baseline,omitempty"`   // git ref of the version that is running before
}
