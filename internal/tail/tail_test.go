package tail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
	"github.com/turnoutdev/turnout/internal/fault"
)

// logs is CloudWatch Logs and what ECS says of tasks, as tests want them.
type logs struct {
	*awstest.Cloud
	tasks       map[string]*ecstypes.Task // by id
	stopped     []string                  // ids, as ListTasks gives them
	running     []string
	definitions map[string][]ecstypes.ContainerDefinition
	events      map[string][]string // by stream; the time of each is its number
	page        int                 // events a page
	refuse      func(stream string, at int) error
	notes       []string
}

func newLogs(t *testing.T, o Options) (*logs, *Tail) {
	l := &logs{tasks: map[string]*ecstypes.Task{}, definitions: map[string][]ecstypes.ContainerDefinition{}, events: map[string][]string{}, page: 3}
	o.AWS, l.Cloud = awstest.New(t, awstest.On(l.list), awstest.On(l.describe), awstest.On(l.definition), awstest.On(l.get))
	o.Cluster = "shop"
	o.Note = func(format string, args ...any) { l.notes = append(l.notes, fmt.Sprintf(format, args...)) }
	return l, New(o)
}

// task adds a task of a revision whose containers log with the prefix "ecs".
func (l *logs) task(id, revision, status string, containers ...string) *ecstypes.Task {
	t := &ecstypes.Task{TaskArn: aws.String("arn:aws:ecs:eu-west-1:1:task/shop/" + id), TaskDefinitionArn: &revision, LastStatus: &status}
	l.definitions[revision] = nil
	for _, c := range containers {
		l.definitions[revision] = append(l.definitions[revision], ecstypes.ContainerDefinition{Name: &c, LogConfiguration: &ecstypes.LogConfiguration{
			LogDriver: ecstypes.LogDriverAwslogs, Options: map[string]string{"awslogs-group": "/ecs/web", "awslogs-stream-prefix": "ecs"},
		}})
		t.Containers = append(t.Containers, ecstypes.Container{Name: &c})
	}
	if l.tasks[id] = t; status == "STOPPED" {
		l.stopped = append(l.stopped, id)
	} else {
		l.running = append(l.running, id)
	}
	return t
}

func (l *logs) list(in *ecs.ListTasksInput) (*ecs.ListTasksOutput, error) {
	all := l.running
	if in.DesiredStatus == ecstypes.DesiredStatusStopped {
		all = l.stopped
	}
	at, _ := strconv.Atoi(aws.ToString(in.NextToken))
	end := min(at+100, len(all)) // as many as AWS gives
	out := &ecs.ListTasksOutput{TaskArns: all[at:end]}
	if end < len(all) {
		out.NextToken = aws.String(strconv.Itoa(end))
	}
	return out, nil
}

func (l *logs) describe(in *ecs.DescribeTasksInput) (*ecs.DescribeTasksOutput, error) {
	if len(in.Tasks) > 100 {
		return nil, &ecstypes.InvalidParameterException{}
	}
	out := &ecs.DescribeTasksOutput{}
	for _, id := range in.Tasks {
		if t := l.tasks[Last(id)]; t != nil {
			out.Tasks = append(out.Tasks, *t)
		} else {
			out.Failures = append(out.Failures, ecstypes.Failure{Arn: aws.String("arn:aws:ecs:eu-west-1:1:task/shop/" + id), Reason: aws.String("MISSING")})
		}
	}
	return out, nil
}

func (l *logs) definition(in *ecs.DescribeTaskDefinitionInput) (*ecs.DescribeTaskDefinitionOutput, error) {
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &ecstypes.TaskDefinition{ContainerDefinitions: l.definitions[*in.TaskDefinition]}}, nil
}

// get gives pages of a stream as AWS does: at its end the token is the one that was given.
func (l *logs) get(in *cloudwatchlogs.GetLogEventsInput) (*cloudwatchlogs.GetLogEventsOutput, error) {
	all, ok := l.events[*in.LogStreamName]
	if !ok {
		return nil, &logstypes.ResourceNotFoundException{Message: aws.String("The specified log stream does not exist.")}
	}
	at, _ := strconv.Atoi(aws.ToString(in.NextToken))
	end := min(at+l.page, len(all))
	if !aws.ToBool(in.StartFromHead) {
		end = len(all)
		at = max(0, end-int(aws.ToInt32(in.Limit)))
	}
	if l.refuse != nil {
		if err := l.refuse(*in.LogStreamName, at); err != nil {
			return nil, err
		}
	}
	out := &cloudwatchlogs.GetLogEventsOutput{NextForwardToken: aws.String(strconv.Itoa(end))}
	for _, e := range all[at:end] {
		n, text, _ := strings.Cut(e, " ")
		ms, _ := strconv.ParseInt(n, 10, 64)
		if ms >= aws.ToInt64(in.StartTime) {
			out.Events = append(out.Events, logstypes.OutputLogEvent{Timestamp: &ms, Message: &text})
		}
	}
	return out, nil
}

func texts(lines []Line) string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Message)
	}
	return strings.Join(out, " ")
}

func look(t *testing.T, tail *Tail) (stopped bool) {
	t.Helper()
	stopped, err := tail.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stopped
}

func round(t *testing.T, tail *Tail, want string) {
	t.Helper()
	lines, err := tail.Round(t.Context())
	if got := texts(lines); err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

func TestLinesOfAllTasksInTheOrderOfTime(t *testing.T) {
	l, tail := newLogs(t, Options{Service: "web"})
	l.task("one", "web:1", "STOPPED", "web")
	l.task("two", "web:2", "RUNNING", "web", "side")
	l.events["ecs/web/one"] = []string{"10 a", "20 b", "30 c", "40 d"} // more than a page
	l.events["ecs/web/two"] = []string{"15 x", "50 y"}                 // side has written nothing yet
	if look(t, tail) {
		t.Error("one task runs")
	}
	round(t, tail, "a x b c d y")
	round(t, tail, "")
	l.events["ecs/side/two"] = []string{"60 s"}
	l.events["ecs/web/two"] = append(l.events["ecs/web/two"], "70 z")
	round(t, tail, "s z")
	if n := tail.Streams(); n != 3 || len(l.notes) > 0 {
		t.Errorf("%d streams, %q", n, l.notes)
	}
}

func TestWhichLinesOfThePast(t *testing.T) {
	for want, o := range map[string]Options{
		"a b c d": {},
		"c d":     {Last: 2},
		"b c d":   {Since: time.UnixMilli(20)},
		"d":       {Since: time.UnixMilli(31), Last: 3},
	} {
		o.Service = "web"
		l, tail := newLogs(t, o)
		l.task("one", "web:1", "RUNNING", "web")
		l.task("two", "web:1", "RUNNING", "web")
		l.events["ecs/web/one"], l.events["ecs/web/two"] = []string{"10 a", "30 c"}, []string{"20 b", "40 d"}
		look(t, tail)
		round(t, tail, want)
		// What comes later is told whole, and so is a task that comes later.
		l.events["ecs/web/one"] = append(l.events["ecs/web/one"], "50 e")
		l.task("three", "web:1", "RUNNING", "web")
		l.events["ecs/web/three"] = []string{"60 f", "61 g", "62 h", "63 i"}
		look(t, tail)
		round(t, tail, "e f g h i")
	}
}

// Reading goes on after an error where it was: what other streams gave meanwhile, and the
// pages before the error, are neither lost nor told twice.
func TestNoLineIsLostByAnError(t *testing.T) {
	l, tail := newLogs(t, Options{Service: "web"})
	l.task("one", "web:1", "RUNNING", "web")
	l.task("two", "web:1", "RUNNING", "web")
	l.events["ecs/web/one"] = []string{"10 a", "20 b", "30 c", "40 d", "50 e"}
	l.events["ecs/web/two"] = []string{"15 x"}
	l.refuse = func(stream string, at int) error {
		if stream == "ecs/web/one" && at == 3 {
			return awstest.Throttled
		}
		return nil
	}
	look(t, tail)
	if lines, err := tail.Round(t.Context()); err == nil || len(lines) > 0 {
		t.Errorf("%q, %v", texts(lines), err)
	}
	l.refuse = nil
	round(t, tail, "a x b c d e")
	round(t, tail, "")
}

func TestHundredsOfTasks(t *testing.T) {
	l, tail := newLogs(t, Options{Service: "web"})
	for i := range 250 {
		id := fmt.Sprintf("t%03d", i)
		l.task(id, "web:1", "STOPPED", "web")
		l.events["ecs/web/"+id] = []string{fmt.Sprintf("%d %d", i, i)}
	}
	if !look(t, tail) {
		t.Error("not all have stopped")
	}
	lines, err := tail.Round(t.Context())
	if err != nil || len(lines) != 250 || lines[249].Message != "249" {
		t.Errorf("%d lines, %v", len(lines), err)
	}
	if n := l.Count("DescribeTaskDefinition"); n != 1 {
		t.Errorf("asked %d times for one definition", n)
	}
	// Streams of stopped tasks that write no more are left alone after a while.
	for range resting + 1 {
		round(t, tail, "")
	}
	before := l.Count("GetLogEvents")
	if round(t, tail, ""); l.Count("GetLogEvents") != before {
		t.Error("it is still read")
	}
}

// A container that only some revisions have is no mistake; one that none has is.
func TestAContainerOfSomeRevisions(t *testing.T) {
	l, tail := newLogs(t, Options{Service: "web", Container: "side"})
	l.task("old", "arn:…:task-definition/web:1", "STOPPED", "web")
	l.events["ecs/side/new"], l.events["ecs/web/old"] = []string{"10 s"}, []string{"5 w"}
	_, err := tail.Discover(t.Context())
	if fault.Code(err) != fault.Usage || err.Error() != "no container is named side in web:1" || fault.Hint(err) != "one of web" {
		t.Error(err)
	}
	l.task("new", "arn:…:task-definition/web:2", "RUNNING", "web", "side")
	look(t, tail)
	round(t, tail, "s")
}

func TestTasksThatECSHasForgotten(t *testing.T) {
	l, tail := newLogs(t, Options{Tasks: []string{"gone"}, Fallback: "web:1"})
	l.task("other", "web:1", "RUNNING", "web")
	l.events["ecs/web/gone"] = []string{"10 a"}
	if !look(t, tail) {
		t.Error("it has not stopped")
	}
	round(t, tail, "a")

	_, tail = newLogs(t, Options{Tasks: []string{"gone"}})
	if _, err := tail.Discover(t.Context()); fault.Code(err) != fault.Usage || err.Error() != "there is no task gone in cluster shop" {
		t.Error(err)
	}
}

// Without a prefix a stream has the container's own id for a name, which is known once it
// runs.
func TestStreamsWithoutAPrefix(t *testing.T) {
	l, tail := newLogs(t, Options{Tasks: []string{"one"}})
	task := l.task("one", "web:1", "PENDING", "web")
	delete(l.definitions["web:1"][0].LogConfiguration.Options, "awslogs-stream-prefix")
	look(t, tail)
	if tail.Streams() != 0 {
		t.Error("a stream without a name")
	}
	task.Containers[0].RuntimeId = aws.String("one-265927825")
	l.events["one-265927825"] = []string{"10 a"}
	look(t, tail)
	round(t, tail, "a")
}

func TestWhatCannotBeShownIsNotedOnce(t *testing.T) {
	l, tail := newLogs(t, Options{Service: "web"})
	l.Set(awstest.Refused[cloudwatchlogs.GetLogEventsInput, cloudwatchlogs.GetLogEventsOutput](&logstypes.ResourceNotFoundException{Message: aws.String("The specified log group does not exist.")}))
	for _, id := range []string{"one", "two"} {
		l.task(id, "web:1", "RUNNING", "web", "splunk", "none")
		l.definitions["web:1"][1].LogConfiguration.LogDriver = ecstypes.LogDriverSplunk
		l.definitions["web:1"][2].LogConfiguration = nil
		look(t, tail)
		round(t, tail, "")
	}
	want := []string{
		"container splunk logs to splunk, not to CloudWatch Logs: it cannot be shown",
		"container none logs to no driver, not to CloudWatch Logs: it cannot be shown",
		"log group /ecs/web does not exist (region eu-west-1)",
	}
	if !slices.Equal(l.notes, want) {
		t.Errorf("%q", l.notes)
	}
}

func TestReadingEndsWithItsContext(t *testing.T) {
	l, tail := newLogs(t, Options{Service: "web"})
	l.task("one", "web:1", "RUNNING", "web")
	look(t, tail)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tail.Round(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
