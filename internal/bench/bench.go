// Package bench measures Turnout: how long its commands take from start to end beside the
// AWS CLI's, how much memory, how many calls; and what the local cloud answers in a
// second. Figures are of whole processes, several runs each, and compared within one
// report: machines differ, ratios less.
package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// Figure is one thing that was measured.
type Figure struct {
	Name   string        `json:"name"`
	Runs   int           `json:"runs"`
	Least  time.Duration `json:"least"` // ns
	Median time.Duration `json:"median"`
	Most   time.Duration `json:"most"`
	Memory int64         `json:"memory,omitempty"` // peak resident set in bytes, of one run more
	Calls  int           `json:"calls,omitempty"`  // to AWS's API, of one run
	Rate   float64       `json:"rate,omitempty"`   // calls a second
	P99    time.Duration `json:"p99,omitempty"`
	Absent string        `json:"absent,omitempty"` // why it could not be measured
}

// Options say what to measure.
type Options struct {
	Self string       // this program's file
	Runs int          // of each command
	Tell func(Figure) // called with each figure when it is known
}

// Run measures everything.
func Run(ctx context.Context, o Options) ([]Figure, error) {
	dir, err := os.MkdirTemp("", "turnout-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &bench{Options: o, dir: dir, stub: &Stub{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: b.stub, ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(l) }() // ends with Close
	defer func() { _ = srv.Close() }()
	b.endpoint = "http://" + l.Addr().String()
	if err := b.files(); err != nil {
		return nil, err
	}
	for _, c := range b.commands() {
		f, err := b.command(ctx, c)
		if err != nil {
			return b.figures, err
		}
		b.add(f)
	}
	return b.figures, b.cloud(ctx)
}

// bench is one benchmark under way.
type bench struct {
	Options
	dir, endpoint string
	stub          *Stub
	figures       []Figure
}

func (b *bench) add(f Figure) {
	b.figures = append(b.figures, f)
	if b.Tell != nil {
		b.Tell(f)
	}
}

// files writes what is deployed to the stub.
func (b *bench) files() error {
	const taskdef = `{"family": "web", "containerDefinitions": [{"name": "web", "image": "x", "portMappings": [{"containerPort": 9000}]}]}`
	const appspec = `{"version": 0.0, "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": {
  "TaskDefinition": "<TASK_DEFINITION>", "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 9000}}}}]}`
	named := "service: web\ncluster: demo\ncodedeploy: {application: " + stubApp + ", group: " + stubGroup + "}\n"
	var errs []error
	for name, text := range map[string]string{
		"named/turnout.yml": named, "found/turnout.yml": "service: web\ncluster: demo\n",
		"named/taskdef.json": taskdef, "named/appspec.json": appspec, "found/taskdef.json": taskdef, "found/appspec.json": appspec,
	} {
		path := filepath.Join(b.dir, name)
		errs = append(errs, os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600))
	}
	return errors.Join(errs...)
}

// command is a program that is run several times.
type command struct {
	name string
	argv []string
}

func (b *bench) commands() []command {
	deploy := func(dir string) []string {
		return []string{b.Self, "deploy", "--image", "new", "--quiet", "-f", filepath.Join(b.dir, dir)}
	}
	return []command{
		{"turnout render", []string{b.Self, "render", "--task-definition", filepath.Join(b.dir, "named/taskdef.json"), "--container", "web", "--image", "new"}},
		{"turnout deploy, names configured", deploy("named")},
		{"turnout deploy, names to be found", deploy("found")},
		{"aws ecs deploy", []string{"aws", "ecs", "deploy", "--service", stubService, "--cluster", stubCluster,
			"--task-definition", filepath.Join(b.dir, "named/taskdef.json"), "--codedeploy-appspec", filepath.Join(b.dir, "named/appspec.json")}},
	}
}

// command measures one, after the run for its memory, which warms caches.
func (b *bench) command(ctx context.Context, c command) (Figure, error) {
	f := Figure{Name: c.name, Runs: b.Runs}
	if _, err := exec.LookPath(c.argv[0]); err != nil {
		f.Absent = c.argv[0] + " is not installed"
		return f, nil
	}
	var err error
	if f.Memory, err = b.peak(ctx, c.argv); err != nil {
		return f, fmt.Errorf("%s: %w", c.name, err)
	}
	var took []time.Duration
	for range b.Runs {
		b.stub.Calls()
		began := time.Now()
		if _, err := b.once(ctx, c.argv); err != nil {
			return f, fmt.Errorf("%s: %w", c.name, err)
		}
		took = append(took, time.Since(began))
		f.Calls = len(b.stub.Calls())
	}
	f.spread(took)
	return f, nil
}

func (b *bench) once(ctx context.Context, argv []string) (*os.ProcessState, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = b.env()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, bytes.TrimSpace(out.Bytes()))
	}
	return cmd.ProcessState, nil
}

// env points a command at the stub, whatever the user's own settings are.
func (b *bench) env() []string {
	none := filepath.Join(b.dir, "none")
	return append(os.Environ(),
		"AWS_ENDPOINT_URL="+b.endpoint, "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
		"AWS_SECRET_ACCESS_KEY=example", "AWS_EC2_METADATA_DISABLED=true", "XDG_STATE_HOME="+b.dir, "AWS_PAGER=",
		"AWS_CA_BUNDLE=", "AWS_CONFIG_FILE="+none, "AWS_SHARED_CREDENTIALS_FILE="+none)
}

func (f *Figure) spread(took []time.Duration) {
	slices.Sort(took)
	f.Least, f.Median, f.Most = took[0], took[len(took)/2], took[len(took)-1]
}
