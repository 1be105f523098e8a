// Package doctor finds out what will go wrong with a deployment before anything is
// registered: who we are and what we may do, whether images, roles, log groups and secrets
// exist, whether the load balancer really stands in front of the service, whether hooks
// and alarms let a deployment through, and what will make the job wait.
//
// It only reads. What may not be read is a finding of its own, never a failure.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"github.com/turnoutdev/turnout/internal/appspec"
	"github.com/turnoutdev/turnout/internal/awsclient"
)

// Severity is how bad a finding is.
type Severity string

// Severities, the worst first.
const (
	Error   Severity = "error"   // the deployment cannot succeed
	Warning Severity = "warning" // it may fail, or succeed where it should not
	Note    Severity = "note"    // worth knowing
)

var severities = []Severity{Error, Warning, Note}

// Finding is one thing that was found.
type Finding struct {
	Severity Severity `json:"severity"`
	Check    string   `json:"check"`         // which check found it, such as roles
	What     string   `json:"what"`          // in one sentence
	Where    string   `json:"where"`         // the file, ARN or name that it is about
	Why      string   `json:"why,omitempty"` // what will come of it
	Fix      string   `json:"fix,omitempty"` // the next step
}

// Subject is what is examined. All fields but Service, Group and AppSpec are needed.
type Subject struct {
	AWS        *awsclient.Clients
	Cluster    string
	Name       string // of the service
	File       string // the task definition's, for messages
	Definition ecstypes.TaskDefinition
	AppSpec    *appspec.AppSpec             // nil for rolling deployments
	Service    *ecstypes.Service            // nil when there is none yet
	Group      *cdtypes.DeploymentGroupInfo // nil for rolling deployments
	Config     string                       // the deployment configuration, "" for the group's
	Waits      bool                         // the job is to wait for the deployment's very end
	Built      bool                         // the image of the target container is built first
	Source     bool                         // there is a Dockerfile, so that it can be
}

// Report is what an examination brought.
type Report struct {
	Account  string    `json:"account,omitempty"`
	Caller   string    `json:"caller,omitempty"` // ARN of who asks
	Checks   []string  `json:"checks"`           // those that were made, in order
	Findings []Finding `json:"findings"`         // the worst first
}

// Worst is the severity of the worst finding, "" for none.
func (r *Report) Worst() Severity {
	if len(r.Findings) == 0 {
		return ""
	}
	return r.Findings[0].Severity
}

// Summary counts in words what was looked at and what was found: "9 checks, 1 warning, 2
// notes".
func (r *Report) Summary() string {
	n := map[Severity]int{}
	for _, f := range r.Findings {
		n[f.Severity]++
	}
	parts := []string{fmt.Sprintf("%d checks", len(r.Checks))}
	for _, s := range severities {
		switch n[s] {
		case 0:
		case 1:
			parts = append(parts, fmt.Sprintf("1 %s", s))
		default:
			parts = append(parts, fmt.Sprintf("%d %ss", n[s], s))
		}
	}
	return strings.Join(parts, ", ")
}

// examination is one examination under way.
type examination struct {
	*Subject
	mu  sync.Mutex
	rep *Report
}

// check is one thing to look at. It returns an error only for what it could not find out.
type check struct {
	name string
	does string // shown when it could not be made
	run  func(*examination, context.Context) error
}

// checks are all checks. The first finds out who asks; the others run side by side.
var checks = []check{
	{"identity", "who is asking", (*examination).identity},
	{"permissions", "what the caller may do", (*examination).permissions},
	{"size", "the limits of a task definition", (*examination).size},
	{"images", "whether the images exist and fit", (*examination).images},
	{"roles", "whether the roles exist and can be assumed", (*examination).roles},
	{"logs", "whether the log groups exist", (*examination).logs},
	{"secrets", "whether the secrets exist", (*examination).secrets},
	{"load balancer", "whether the listener stands in front of the service", (*examination).balancer},
	{"hooks", "whether the hook functions exist", (*examination).hooks},
	{"alarms", "whether the group's alarms are quiet", (*examination).alarms},
	{"deployment", "what else will hold the deployment up", (*examination).deployment},
}

// within bounds an examination.
const within = 30 * time.Second

// Examine makes all checks.
func Examine(ctx context.Context, s *Subject) *Report {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	e := &examination{Subject: s, rep: &Report{Findings: []Finding{}}}
	e.make(ctx, checks[0])
	var all errgroup.Group
	all.SetLimit(4)
	for _, c := range checks[1:] {
		all.Go(func() error {
			e.make(ctx, c)
			return nil
		})
	}
	_ = all.Wait() // no check returns an error
	for _, c := range checks {
		e.rep.Checks = append(e.rep.Checks, c.name)
	}
	order := func(f Finding) int {
		return slices.Index(severities, f.Severity)*len(checks) + slices.IndexFunc(checks, func(c check) bool { return c.name == f.Check })
	}
	sort.SliceStable(e.rep.Findings, func(i, j int) bool { return order(e.rep.Findings[i]) < order(e.rep.Findings[j]) })
	return e.rep
}

func (e *examination) make(ctx context.Context, c check) {
	if err := c.run(e, ctx); err != nil {
		e.found(Finding{Note, c.name, "could not find out " + c.does, "", err.Error(), missing(err)})
	}
}

func (e *examination) found(f Finding) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rep.Findings = append(e.rep.Findings, f)
}

// missing says what to do about an error of a check.
func missing(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) && strings.Contains(api.ErrorCode(), "AccessDenied") {
		return "allow the action to the caller, or go without this check"
	}
	return ""
}

// code tells whether err is AWS's error of this code.
func code(err error, codes ...string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains(codes, api.ErrorCode())
}

// name is the last part of an ARN or path.
func name(arn string) string { return arn[strings.LastIndexAny(arn, "/:")+1:] }

func (e *examination) container(i int) string {
	return fmt.Sprintf("%s, container %s", e.File, deref(e.Definition.ContainerDefinitions[i].Name))
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// String is the finding in one line.
func (f Finding) String() string {
	s := f.What
	if f.Where != "" {
		s = f.Where + ": " + s
	}
	if f.Why != "" {
		s += "; " + f.Why
	}
	return s
}
