package register

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/term"
)

const document = `{"family":"web","containerDefinitions":[{"name":"web","image":"r/web:2"}]}`

func TestARevisionIsRegisteredOnce(t *testing.T) {
	newest := func(image string) awstest.Answer {
		return awstest.Wire(func(*ecs.DescribeTaskDefinitionInput) string {
			return `{"taskDefinition":{"taskDefinitionArn":"web:1","family":"web","revision":1,"status":"ACTIVE","containerDefinitions":[{"name":"web","image":"` + image + `","cpu":0,"environment":[]}]}}`
		})
	}
	none := awstest.Refused[ecs.DescribeTaskDefinitionInput, ecs.DescribeTaskDefinitionOutput](&types.ClientException{Message: aws.String("Unable to describe task definition.")})
	made := awstest.Always[ecs.RegisterTaskDefinitionInput](&ecs.RegisterTaskDefinitionOutput{TaskDefinition: &types.TaskDefinition{TaskDefinitionArn: aws.String("web:2")}})
	for name, c := range map[string]struct {
		answers     []awstest.Answer
		force, lost bool
		want        string
		registered  int
		code        int
	}{
		"another one":                {answers: []awstest.Answer{newest("r/web:1"), made}, want: "web:2", registered: 1},
		"an equal one":               {answers: []awstest.Answer{newest("r/web:2"), made}, want: "web:1"},
		"an equal one, forced":       {answers: []awstest.Answer{newest("r/web:2"), made}, force: true, want: "web:2", registered: 1},
		"the family's first":         {answers: []awstest.Answer{none, made}, want: "web:2", registered: 1},
		"may not compare":            {answers: []awstest.Answer{awstest.Refused[ecs.DescribeTaskDefinitionInput, ecs.DescribeTaskDefinitionOutput](awstest.Denied), made}, want: "web:2", registered: 1},
		"cannot compare":             {answers: []awstest.Answer{awstest.Refused[ecs.DescribeTaskDefinitionInput, ecs.DescribeTaskDefinitionOutput](awstest.Throttled), made}, code: fault.Failed},
		"refused":                    {answers: []awstest.Answer{none, awstest.Refused[ecs.RegisterTaskDefinitionInput, ecs.RegisterTaskDefinitionOutput](&types.ClientException{Message: aws.String("No CPU")})}, registered: 1, code: fault.Failed},
		"an answer that was lost":    {answers: []awstest.Answer{newest("r/web:1")}, lost: true, want: "web:1", registered: 1},
		"lost, of a forced revision": {answers: []awstest.Answer{newest("r/web:1")}, force: true, lost: true, want: "web:1", registered: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var talk bytes.Buffer
				a, cloud := awstest.New(t, c.answers...)
				if c.lost {
					cloud.Set(awstest.On(func(*ecs.RegisterTaskDefinitionInput) (*ecs.RegisterTaskDefinitionOutput, error) {
						cloud.Set(newest("r/web:2"))
						return nil, awstest.Throttled
					}))
				}
				r := &run.Run{AWS: a, Config: &config.Config{TaskDef: "taskdef.json"}, Facts: run.Facts{Rendered: []byte(document)}, Options: run.Options{ForceRegister: c.force}, Report: term.NewReporter(&term.Streams{Out: &talk, Err: &talk})}
				said, err := Stage{}.Run(t.Context(), r)
				if fault.Code(err) != c.code || r.Facts.TaskDefinition != c.want {
					t.Errorf("%v, %+v, want %q", err, r.Facts, c.want)
				}
				if n := cloud.Count("RegisterTaskDefinition"); n != c.registered {
					t.Errorf("registered %d times", n)
				}
				if reused := c.want == "web:1" && c.registered == 0; r.Facts.Reused != reused || strings.HasSuffix(said, "which is equal") != reused {
					t.Errorf("%q, %+v", said, r.Facts)
				}
				if skips := (Stage{}).Skip(r) != ""; skips != (c.want != "") {
					t.Errorf("a second time is skipped: %v", skips)
				}
			})
		})
	}
}
