package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/docs"
	"github.com/turnoutdev/turnout/internal/bench"
	"github.com/turnoutdev/turnout/internal/doctor"
	"github.com/turnoutdev/turnout/internal/oneoff"
	"github.com/turnoutdev/turnout/internal/policy"
	"github.com/turnoutdev/turnout/internal/rehearse"
	"github.com/turnoutdev/turnout/internal/schema"
	"github.com/turnoutdev/turnout/internal/status"
	"github.com/turnoutdev/turnout/internal/tail"
	"github.com/turnoutdev/turnout/internal/term"
	"github.com/turnoutdev/turnout/internal/watch"
)

// update writes generated documents anew: go generate ./internal/cli.
var update = flag.Bool("update", false, "write docs/schema and docs/cli.md")

// results are what each verb prints with --json, beside a failure. Those of lines print one
// a line, as many as there are.
var results = map[string]struct {
	about string
	value any
	lines bool
}{
	"bench":           {"what was measured, in nanoseconds", []bench.Figure{}, false},
	"build":           {"the facts of the run, and how it ended", result{}, false},
	"chaos add":       {"the faults that were added", []cloud.Fault{}, false},
	"chaos clear":     {"how many faults were ended", cleared{}, false},
	"chaos list":      {"the faults, and how often each has struck", []cloud.Fault{}, false},
	"continue":        {"what was done, and where traffic stands", verdict{}, false},
	"deploy":          {"the facts of the run, and how it ended", result{}, false},
	"deprovision":     {"what was deleted, and what was kept", deprovisioned{}, false},
	"diff":            {"the differences between two revisions", difference{}, false},
	"doctor":          {"what was found", doctor.Report{}, false},
	"down":            {"the cloud that was ended", ended{}, false},
	"env":             {"what AWS clients need to know of the local cloud", surroundings{}, false},
	"history":         {"the service's deployments", past{}, false},
	"init":            {"the files that were written", wrote{}, false},
	"logs":            {"a line that a container wrote; one object a line", tail.Line{}, true},
	"man":             {"the manual pages that were written", pages{}, false},
	"mirror":          {"what became of turnout.yml", mirrored{}, false},
	"policy":          {"an IAM policy", policy.Policy{}, false},
	"provision":       {"how much was made", provisioned{}, false},
	"rehearse":        {"the rehearsal's report", rehearse.Report{}, false},
	"render":          {"the task definition with its new image", rendered{}, false},
	"reset":           {"that the cloud is back at its beginning", wasReset{}, false},
	"resume":          {"the facts of the run, and how it ended", result{}, false},
	"rollback":        {"what was done, and where traffic stands", verdict{}, false},
	"run":             {"the task, and how it ended", oneoff.Result{}, false},
	"schema":          {"with --list: the verbs that have a schema", []hasSchema{}, false},
	"ship":            {"the facts of the run, and how it ended", result{}, false},
	"snapshot load":   {"the snapshot that was loaded", snapshot{}, false},
	"snapshot save":   {"the snapshot that was saved", snapshot{}, false},
	"status":          {"where the service stands; with --watch one object a line", status.Status{}, true},
	"stop":            {"what was done, and where traffic stands", verdict{}, false},
	"up":              {"the local cloud, as soon as it answers", running{}, false},
	"verify":          {"what was asked, and what was answered", verified{}, false},
	"version":         {"where the program comes from", built{}, false},
	"wait deployment": {"what was waited for", waited{}, false},
	"wait service":    {"what was waited for", waited{}, false},
	"wait task":       {"what was waited for", waited{}, false},
	"watch":           {"an event of the deployment; one object a line", watch.Event{}, true},
}

// words are what fields are whose names say it to readers of the code.
var words = map[string]string{
	"account":         "id of the AWS account",
	"application":     "CodeDeploy's application",
	"cluster":         "name of the ECS cluster",
	"completed":       "when it ended; absent while it goes on",
	"config":          "the deployment configuration",
	"container":       "the container's name",
	"containers":      "the task's containers",
	"created":         "when it was created",
	"creator":         "who created it: user, autoscaling or codeDeployRollback",
	"deploymentGroup": "CodeDeploy's deployment group",
	"deploymentId":    "the deployment's id",
	"description":     "as it was given when it was created",
	"desired":         "how many tasks are desired",
	"error":           "what is wrong, when it failed",
	"exitCode":        "the container's exit code; null or absent when it never ran",
	"hint":            "the next step after a failure",
	"id":              "its id",
	"image":           "the image's reference",
	"images":          "what its containers run",
	"kind":            "what it is",
	"launchType":      "FARGATE, EC2 or EXTERNAL; absent with capacity providers",
	"listeners":       "where the load balancer sends traffic",
	"message":         "the text",
	"name":            "its name",
	"ok":              "whether it went as it should",
	"pending":         "how many tasks are on their way",
	"reason":          "why, in AWS's words",
	"region":          "the AWS region",
	"running":         "how many tasks run",
	"service":         "name of the ECS service",
	"started":         "when it started",
	"status":          "as AWS calls it",
	"stopCode":        "why it stopped, as ECS calls it",
	"stopped":         "when it stopped",
	"targetGroup":     "name of the target group",
	"targets":         "the registered targets",
	"task":            "the task's ARN",
	"taskDefinition":  "ARN of the task definition's revision",
	"tasks":           "the tasks",
	"time":            "when it was",
	"weights":         "how much each target group gets",

	"autopsy.Container.health":       "HEALTHY, UNHEALTHY or UNKNOWN",
	"autopsy.Container.noLog":        "why there is no log to show",
	"autopsy.Report.diagnostics":     "what CodeDeploy says of that event",
	"autopsy.Report.errorCode":       "CodeDeploy's code of the error",
	"autopsy.Report.errorMessage":    "CodeDeploy's text of the error",
	"autopsy.Report.fixes":           "likely ways to mend it, the likeliest first",
	"autopsy.Report.rollbackId":      "the deployment that rolls it back",
	"autopsy.Report.targets":         "registered targets that are not healthy",
	"autopsy.Report.tasks":           "tasks that stopped or are not well",
	"autopsy.Target.address":         "address and port",
	"autopsy.Target.description":     "what the load balancer says of its state",
	"autopsy.Target.group":           "name of the target group",
	"autopsy.Target.state":           "of its health, as the load balancer calls it",
	"autopsy.Task.health":            "HEALTHY, UNHEALTHY or UNKNOWN",
	"bench.Figure.median":            "the median run",
	"bench.Figure.most":              "the slowest run",
	"bench.Figure.name":              "what was measured",
	"bench.Figure.p99":               "99 of a hundred calls were faster",
	"bench.Figure.runs":              "how often it ran",
	"chaos.Fault.kind":               "how calls break",
	"cli.difference.changes":         "one by one, by their paths",
	"cli.difference.same":            "there are no changes",
	"cli.result.autopsy":             "why the deployment failed, as far as could be found out",
	"cli.result.exitCode":            "the program's exit code, see docs/exit-codes.md",
	"cli.result.run":                 "the run's id, for turnout resume",
	"cli.verdict.exitCode":           "the program's exit code, see docs/exit-codes.md",
	"cli.verified.attempts":          "the requests, one after the other",
	"cli.verified.url":               "where the requests went",
	"cli.waited.for":                 "what was waited for",
	"cli.waited.seconds":             "how long it took",
	"cli.waited.tasks":               "the tasks that were waited for",
	"control.Outcome.rollbackStatus": "of the deployment that went back, at the end",
	"diff.Change.after":              "the new value; absent when it was removed",
	"diff.Change.before":             "the old value; absent when it was added",
	"diff.Change.masked":             "the values look secret and are not shown",
	"diff.Change.op":                 "what became of it",
	"doctor.Finding.severity":        "how bad it is",
	"history.Entry.registeredBy":     "ARN of who registered the revision",
	"rehearse.Act.colours":           "the requests, by the target group that served them",
	"rehearse.Act.deployment":        "the deployment's id",
	"rehearse.Act.name":              "which part it is",
	"rehearse.Act.rollback":          "the deployment that rolled it back",
	"rehearse.ColourStats.failures":  "how many failed",
	"rehearse.ColourStats.p99":       "99 of a hundred were faster",
	"rehearse.ColourStats.requests":  "how many there were",
	"rehearse.Report.acts":           "the parts, in order",
	"rehearse.Report.ok":             "no request failed, and every part ended as it should",
	"rehearse.Report.rate":           "requests a second",
	"rehearse.Report.stream":         "how the long stream fared",
	"status.Deployment.active":       "it is under way",
	"status.Deployment.lifecycle":    "CodeDeploy's lifecycle events, in order",
	"status.Status.parts":            "the task sets, or the deployments of a rolling service",
	"status.Status.strategy":         "of ECS's own deployments: ROLLING, BLUE_GREEN and so on",
	"status.Step.name":               "of the lifecycle event",
	"subject.Route.listenerArn":      "ARN of the listener",
	"subject.Route.port":             "the listener's port",
	"subject.Weight.targetGroup":     "name of the target group",
	"subject.Weight.targetGroupArn":  "ARN of the target group",
	"subject.Weight.percent":         "of the requests",
	"tail.Line.logGroup":             "of CloudWatch Logs",
	"tail.Line.logStream":            "of CloudWatch Logs",
	"tail.Line.message":              "the line as it was written",
	"tail.Line.time":                 "when it was written",
	"watch.Event.green":              "percent of the traffic on the new revision; Weights",
	"watch.Event.kind":               "what it tells",
}

func file(verb string) string { return strings.ReplaceAll(verb, " ", "-") + ".json" }

// TestSchemas holds docs/schema against the types that are printed.
func TestSchemas(t *testing.T) {
	m := &schema.Maker{Source: &schema.Source{Module: "github.com/turnoutdev/turnout", Root: "../.."}, Words: words}
	const dir = "../../docs/schema"
	for verb, r := range results {
		want, err := m.Document("turnout "+verb+" --json", r.about, r.value, failure{})
		if err != nil {
			t.Error(err)
			continue
		}
		path := filepath.Join(dir, file(verb))
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not current: go generate ./internal/cli (%v)", path, err)
		}
	}
	for _, verb := range docs.Verbs() {
		if _, ok := results[strings.ReplaceAll(verb, "-", " ")]; !ok {
			t.Errorf("docs/schema/%s.json is of no verb", verb)
		}
	}
}

// TestEveryResultHasASchema: every verb that takes --json, and no other.
func TestEveryResultHasASchema(t *testing.T) {
	for _, c := range everyCommand(newRoot(&global{Streams: &term.Streams{}})) {
		verb := strings.TrimPrefix(c.CommandPath(), "turnout ")
		_, has := results[verb]
		if takes := c.Flags().Lookup("json") != nil && c.HasParent(); takes != has {
			t.Errorf("%s: --json is %v, a schema is %v", verb, takes, has)
		}
	}
}

// TestWhatIsPrintedIsCheckedByItsSchema: the verbs that need no cloud; those that do are
// checked where they are tested, and in testdata/script.
func TestWhatIsPrintedIsCheckedByItsSchema(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{
		{"version", "--json"},
		{"schema", "--list", "--json"},
		{"man", "--dir", dir, "--json"},
		{"down", "--state", dir, "--json"},
		{"render", "--file", "../../examples/hello", "--image", "repo/hello:1", "--json"},
		{"init", filepath.Join(dir, "web"), "--dry-run", "--json"},
		{"status", "--file", dir, "--json"}, // fails
	} {
		var out, talk bytes.Buffer
		want := 0
		if args[0] == "status" {
			want = 2
		}
		if code := checked(t.Context(), t, args, &term.Streams{In: strings.NewReader(""), Out: &out, Err: &talk}); code != want {
			t.Errorf("turnout %q: code %d, %s", args, code, talk.String())
		}
	}
	if printedBySchema([]string{"version", "--json"}, []byte(`{"version": "1", "go": "1", "platform": "x", "more": 1}`)) == nil {
		t.Error("a field too many was not noticed")
	}
	if printedBySchema([]string{"version", "--json"}, nil) == nil {
		t.Error("no output was not noticed")
	}
}

func TestSchemaPrintsThem(t *testing.T) {
	if code, out, _ := turnout(t, "schema"); code != 0 || out != string(docs.Schema) {
		t.Errorf("schema alone: code %d, %.80s", code, out)
	}
	code, out, talk := turnout(t, "schema", "wait", "task")
	if want, _ := os.ReadFile("../../docs/schema/wait-task.json"); code != 0 || out != string(want) {
		t.Errorf("code %d, %.80s%s", code, out, talk)
	}
	if _, out, _ = turnout(t, "schema", "--list"); !strings.Contains(out, "\nstatus           where the service stands") {
		t.Errorf("--list: %s", out)
	}
	var all []hasSchema
	if _, out, _ = turnout(t, "schema", "--list", "--json"); json.Unmarshal([]byte(out), &all) != nil || len(all) != len(results) {
		t.Errorf("--list --json: %s", out)
	}
	if code, _, talk = turnout(t, "schema", "statsu"); code != 2 || !strings.Contains(talk, "did you mean `turnout schema status`?") {
		t.Errorf("code %d, %s", code, talk)
	}
}

// checked is Run, with what --json prints held against its schema.
func checked(ctx context.Context, t *testing.T, args []string, s *term.Streams) int {
	t.Helper()
	var out bytes.Buffer
	tee := *s
	tee.Out = io.MultiWriter(s.Out, &out)
	code := Run(ctx, args, &tee)
	if err := printedBySchema(args, out.Bytes()); err != nil {
		t.Errorf("turnout %q printed\n%s\n%v", args, out.Bytes(), err)
	}
	return code
}

// printedBySchema tells how an output differs from the schema of the verb in args, if they
// ask for JSON.
func printedBySchema(args []string, out []byte) error {
	if !asksForJSON(args) || slices.Contains(args, "--help") {
		return nil
	}
	return schema.CheckVerb(docs.Results, args, out)
}

func decodeStrictly(text string, v any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
