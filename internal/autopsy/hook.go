package autopsy

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/turnoutdev/turnout/internal/history"
)

// Hook is the Lambda function of a lifecycle event.
type Hook struct {
	Function string   `json:"function"`        // its name
	Log      []string `json:"log,omitempty"`   // the last lines since the deployment began
	NoLog    string   `json:"noLog,omitempty"` // why there is no log
}

// hook finds the function of the event that failed in the deployment's AppSpec, and what
// it wrote.
func (c *surgeon) hook(ctx context.Context) {
	if c.info == nil || c.rep.Event == "" {
		return
	}
	spec, err := history.AppSpec(ctx, c.aws.CodeDeploy(), c.info)
	if err != nil {
		c.missing("appspec", err)
	}
	if spec == nil {
		return
	}
	for _, h := range spec.Hooks() {
		if h.Event == c.rep.Event {
			c.rep.Hook = &Hook{Function: functionName(h.Function)}
			c.rep.Hook.Log, c.rep.Hook.NoLog = c.functionLog(ctx, c.rep.Hook.Function)
		}
	}
}

// functionName is the name in a function's ARN, which may end with a version; a name
// stays one.
func functionName(s string) string {
	if _, rest, ok := strings.Cut(s, ":function:"); ok {
		s, _, _ = strings.Cut(rest, ":")
	}
	return s
}

// noise is what Lambda itself writes into a function's log.
var noise = []string{"START RequestId:", "END RequestId:", "REPORT RequestId:", "INIT_START "}

// functionLog reads the last lines that a function wrote since the deployment began; why
// tells when there are none.
func (c *surgeon) functionLog(ctx context.Context, function string) (lines []string, why string) {
	group, since := "/aws/lambda/"+function, c.since.UnixMilli()
	out, err := c.aws.Logs().FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group, StartTime: &since})
	if err != nil {
		return nil, err.Error()
	}
	for _, e := range out.Events {
		line := strings.TrimRight(aws.ToString(e.Message), "\r\n")
		if !slices.ContainsFunc(noise, func(n string) bool { return strings.HasPrefix(line, n) }) {
			lines = append(lines, masked(line))
		}
	}
	if len(lines) == 0 {
		return nil, "it wrote nothing"
	}
	return lines[max(0, len(lines)-lastLines):], ""
}
