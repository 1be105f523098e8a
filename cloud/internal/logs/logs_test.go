package logs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func open(t *testing.T) *Service {
	t.Helper()
	st, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Store: st, Place: arn.Place{Partition: "aws", Account: "123456789012", Region: "us-east-1"}, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var ctx = context.Background()

// filled has group g with stream s and n lines, a millisecond apart.
func filled(t *testing.T, n int) (*Service, int64) {
	t.Helper()
	s := open(t)
	if _, err := s.CreateLogGroup(ctx, &cwl.CreateLogGroupInput{LogGroupName: aws.String("g")}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateLogStream(ctx, &cwl.CreateLogStreamInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s")}); err != nil {
		t.Fatal(err)
	}
	began := time.Now().Add(-time.Minute).UnixMilli()
	in := &cwl.PutLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s")}
	for i := range n {
		in.LogEvents = append(in.LogEvents, types.InputLogEvent{Timestamp: aws.Int64(began + int64(i)), Message: aws.String(fmt.Sprintf("line %d", i))})
	}
	if _, err := s.PutLogEvents(ctx, in); err != nil {
		t.Fatal(err)
	}
	return s, began
}

func TestTheSDKsPaginatorReadsEverythingOnceAndEnds(t *testing.T) {
	s, _ := filled(t, 25)
	p := cwl.NewGetLogEventsPaginator(s, &cwl.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"), StartFromHead: aws.Bool(true), Limit: aws.Int32(10)},
		func(o *cwl.GetLogEventsPaginatorOptions) { o.StopOnDuplicateToken = true })
	var got []string
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range out.Events {
			got = append(got, *e.Message)
		}
	}
	if len(got) != 25 || got[0] != "line 0" || got[24] != "line 24" {
		t.Errorf("read %d lines: %v", len(got), got)
	}
}

func TestTailAndBackwards(t *testing.T) {
	s, _ := filled(t, 25)
	in := &cwl.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"), Limit: aws.Int32(10)}
	out, err := s.GetLogEvents(ctx, in)
	if err != nil || *out.Events[0].Message != "line 15" || *out.Events[9].Message != "line 24" {
		t.Fatalf("tail: %+v, %v", out, err)
	}
	in.NextToken = out.NextBackwardToken
	if out, err = s.GetLogEvents(ctx, in); err != nil || *out.Events[0].Message != "line 5" {
		t.Errorf("before the tail: %+v, %v", out, err)
	}
	in.NextToken = aws.String("x/1")
	if _, err = s.GetLogEvents(ctx, in); !errors.Is(err, errToken) {
		t.Errorf("bad token: %v", err)
	}
}

func TestFilter(t *testing.T) {
	s, began := filled(t, 25)
	for p, want := range map[string]int{"": 25, "line": 25, `"line 2"`: 6, `"line 2" -24`: 5, "?11 ?12": 2, "nothing": 0} {
		out, err := s.FilterLogEvents(ctx, &cwl.FilterLogEventsInput{LogGroupName: aws.String("g"), FilterPattern: &p})
		if err != nil || len(out.Events) != want {
			t.Errorf("%q: %d events, %v, want %d", p, len(out.Events), err, want)
		}
	}
	if _, err := s.FilterLogEvents(ctx, &cwl.FilterLogEventsInput{LogGroupName: aws.String("g"), FilterPattern: aws.String("{ $.x = 1 }")}); err == nil {
		t.Error("a JSON pattern was taken")
	}
	out, err := s.FilterLogEvents(ctx, &cwl.FilterLogEventsInput{LogGroupName: aws.String("g"), StartTime: aws.Int64(began + 3), EndTime: aws.Int64(began + 5)})
	if err != nil || len(out.Events) != 3 {
		t.Errorf("the end of a range is included: %d events, %v", len(out.Events), err)
	}
}

func TestErrorsAreAWSs(t *testing.T) {
	s := open(t)
	var none *types.ResourceNotFoundException
	if _, err := s.GetLogEvents(ctx, &cwl.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s")}); !errors.As(err, &none) || none.ErrorMessage() != "The specified log group does not exist." {
		t.Errorf("got %v", err)
	}
	if _, err := s.CreateLogGroup(ctx, &cwl.CreateLogGroupInput{LogGroupName: aws.String("a b")}); err == nil || !strings.Contains(err.Error(), "logGroupName") {
		t.Errorf("got %v", err)
	}
	in := &cwl.CreateLogGroupInput{LogGroupName: aws.String("g")}
	_, _ = s.CreateLogGroup(ctx, in)
	if _, err := s.CreateLogGroup(ctx, in); !errors.Is(err, errGroupExists) {
		t.Errorf("got %v", err)
	}
}

func TestSinkMakesItsStream(t *testing.T) {
	s := open(t)
	if _, err := s.Sink("/ecs/x", "ecs/x/1", false); !IsMissingGroup(err) {
		t.Errorf("a missing group: %v", err)
	}
	write, err := s.Sink("/ecs/x", "ecs/x/1", true)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(time.Now(), []byte("hello")); err != nil {
		t.Fatal(err)
	}
	out, err := s.GetLogEvents(ctx, &cwl.GetLogEventsInput{LogGroupName: aws.String("/ecs/x"), LogStreamName: aws.String("ecs/x/1")})
	if err != nil || len(out.Events) != 1 || *out.Events[0].Message != "hello" {
		t.Errorf("got %+v, %v", out, err)
	}
	if _, err := s.DeleteLogGroup(ctx, &cwl.DeleteLogGroupInput{LogGroupName: aws.String("/ecs/x")}); err != nil {
		t.Fatal(err)
	}
}

func TestRetentionDropsWhatIsOld(t *testing.T) {
	s, _ := filled(t, 1)
	st := stream{Group: "g", Name: "s"}
	s.Store.View(func(tx *store.Tx) { st, _ = s.streams.Get(tx, streamKey("g", "s")) })
	old := time.Now().Add(-48 * time.Hour).UnixMilli()
	if err := s.append(st, []event{{At: old, Message: "old"}}, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.append(st, []event{{At: time.Now().UnixMilli(), Message: "new"}}, 1); err != nil {
		t.Fatal(err)
	}
	events, err := s.read(st)
	if err != nil || len(events) != 2 || events[0].Message != "line 0" || events[1].Message != "new" {
		t.Errorf("left %+v, %v", events, err)
	}
}
