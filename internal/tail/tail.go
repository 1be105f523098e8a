// Package tail reads what the containers of tasks write, from CloudWatch Logs, as the
// tasks' awslogs configuration has it: merged in the order of time, and as long as wanted.
//
// Every container of every task has a stream of its own, which is read with
// GetLogEvents: its token makes sure that no line is lost or told twice. Containers that
// log elsewhere (firelens, splunk) are named once and left out.
package tail

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"github.com/turnoutdev/turnout/internal/awsclient"
)

// Line is one line that a container wrote.
type Line struct {
	Time      time.Time `json:"time"`
	Task      string    `json:"task"` // id
	Container string    `json:"container"`
	Message   string    `json:"message"`
	Group     string    `json:"logGroup"`
	Stream    string    `json:"logStream"`
}

// Options say whose lines to read. Service or Tasks is set.
type Options struct {
	AWS       *awsclient.Clients
	Cluster   string
	Service   string    // all tasks of the service, stopped ones too as long as ECS knows them
	Tasks     []string  // else these: ids or ARNs
	Fallback  string    // task definition of tasks that ECS has forgotten, "" for none
	Container string    // this one only, "" for all
	Since     time.Time // lines from then on; zero for the last ones
	Last      int       // how many lines of the past, when Since is zero; 0 for all
	Note      func(format string, args ...any)
}

// Tail reads lines round by round.
type Tail struct {
	Options
	streams map[string]*stream // by region, group and name
	known   map[string]bool    // tasks that were looked at
	mu      sync.Mutex         // over noted, which readers use at once
	noted   map[string]bool
	configs map[string][]ecstypes.ContainerDefinition // by task definition
	rounds  int
}

// New makes a Tail; nothing is read yet.
func New(o Options) *Tail {
	if o.Note == nil {
		o.Note = func(string, ...any) {}
	}
	return &Tail{
		Options: o, streams: map[string]*stream{}, known: map[string]bool{}, noted: map[string]bool{},
		configs: map[string][]ecstypes.ContainerDefinition{},
	}
}

// stream is the log stream of one container of one task.
type stream struct {
	logs            *cloudwatchlogs.Client
	group, name     string
	task, container string
	token           *string // where to go on; nil before the first lines
	lines           []Line  // that were read and not returned yet
	fresh           bool    // it appeared after the first round: all of it is news
	stopped         bool    // its task has
	idle            int     // rounds without a line since then
}

// resting is after how many rounds without a line a stopped task's stream is left alone:
// CloudWatch Logs shows lines some seconds late.
const resting = 10

// readers is how many streams are read at once: GetLogEvents is limited to a few dozen
// calls a second for an account.
const readers = 4

// Round reads what is new and returns it in the order of time. After an error nothing is
// lost: the next round returns what this one had read, too.
func (t *Tail) Round(ctx context.Context) ([]Line, error) {
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for _, s := range t.streams {
		if s.idle <= resting {
			group.Go(func() error { return t.read(gctx, s) })
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var all []Line
	for _, s := range t.streams {
		if s.idle++; !s.stopped || len(s.lines) > 0 {
			s.idle = 0
		}
		all, s.lines = append(all, s.lines...), nil
	}
	slices.SortStableFunc(all, func(a, b Line) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Stream, b.Stream))
	})
	if t.rounds++; t.rounds == 1 && t.Since.IsZero() && t.Last > 0 && len(all) > t.Last {
		all = all[len(all)-t.Last:]
	}
	return all, nil
}

// read reads a stream from where it was left to its end.
func (t *Tail) read(ctx context.Context, s *stream) error {
	in := &cloudwatchlogs.GetLogEventsInput{LogGroupName: &s.group, LogStreamName: &s.name, StartFromHead: aws.Bool(true)}
	tailOnly := s.token == nil && !s.fresh && t.Since.IsZero() && t.Last > 0
	switch {
	case tailOnly:
		in.StartFromHead, in.Limit = aws.Bool(false), aws.Int32(int32(min(t.Last, 10000)))
	case s.token == nil && !t.Since.IsZero():
		in.StartTime = aws.Int64(t.Since.UnixMilli())
	}
	for {
		in.NextToken = s.token
		page, err := s.logs.GetLogEvents(ctx, in)
		var none *logstypes.ResourceNotFoundException
		if errors.As(err, &none) {
			if strings.Contains(none.ErrorMessage(), "log group") {
				t.once("log group %s does not exist (region %s)", s.group, s.logs.Options().Region)
			}
			return nil // it has written nothing yet
		}
		if err != nil {
			return err
		}
		for _, e := range page.Events {
			s.lines = append(s.lines, Line{
				Time: time.UnixMilli(aws.ToInt64(e.Timestamp)).UTC(), Task: s.task, Container: s.container,
				Message: aws.ToString(e.Message), Group: s.group, Stream: s.name,
			})
		}
		end := tailOnly || aws.ToString(page.NextForwardToken) == aws.ToString(s.token)
		s.token = page.NextForwardToken
		if end {
			return nil
		}
	}
}
