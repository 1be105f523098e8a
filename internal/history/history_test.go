package history

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/term"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

const document = "\n {\"version\":0.0,\"Resources\":[{\"TargetService\":{\"Type\":\"AWS::ECS::Service\",\n\t\"Properties\":{\"TaskDefinition\":\"web:%s\",\"LoadBalancerInfo\":{\"ContainerName\":\"web\",\"ContainerPort\":80}}}}]}"

// definition tells of web:N the image of N; web:9 was deleted.
func definitionOf(in *ecs.DescribeTaskDefinitionInput) (*ecs.DescribeTaskDefinitionOutput, error) {
	_, n, _ := strings.Cut(*in.TaskDefinition, ":")
	if n == "9" {
		return nil, &ecstypes.ClientException{Message: aws.String("Unable to describe task definition.")}
	}
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &ecstypes.TaskDefinition{
		RegisteredBy: aws.String("arn:aws:sts::1:assumed-role/deployer/ann"), ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("repo/web:" + n)}},
	}}, nil
}

// blueGreen is a reader of deployments of CodeDeploy, given newest first, a hundred a
// page. The key of a document is its checksum.
func blueGreen(t *testing.T, limit int, documents map[string]string, all ...cdtypes.DeploymentInfo) (*Reader, *awstest.Cloud) {
	a, cloud := awstest.New(t, awstest.On(definitionOf),
		awstest.On(func(in *codedeploy.ListDeploymentsInput) (*codedeploy.ListDeploymentsOutput, error) {
			at, _ := strconv.Atoi(aws.ToString(in.NextToken))
			out := &codedeploy.ListDeploymentsOutput{}
			for _, d := range all[at:min(at+100, len(all))] {
				out.Deployments = append(out.Deployments, *d.DeploymentId)
			}
			if at+100 < len(all) {
				out.NextToken = aws.String(strconv.Itoa(at + 100))
			}
			return out, nil
		}),
		awstest.On(func(in *codedeploy.BatchGetDeploymentsInput) (*codedeploy.BatchGetDeploymentsOutput, error) {
			if len(in.DeploymentIds) > 25 {
				return nil, &cdtypes.BatchLimitExceededException{}
			}
			out := &codedeploy.BatchGetDeploymentsOutput{}
			for _, d := range slices.Backward(all) { // in no particular order
				if slices.Contains(in.DeploymentIds, *d.DeploymentId) {
					out.DeploymentsInfo = append(out.DeploymentsInfo, d)
				}
			}
			return out, nil
		}),
		awstest.On(func(in *codedeploy.GetApplicationRevisionInput) (*codedeploy.GetApplicationRevisionOutput, error) {
			if in.Revision.AppSpecContent == nil {
				return &codedeploy.GetApplicationRevisionOutput{Revision: in.Revision}, nil
			}
			text, ok := documents[*in.Revision.AppSpecContent.Sha256]
			if !ok {
				return nil, &cdtypes.RevisionDoesNotExistException{}
			}
			return &codedeploy.GetApplicationRevisionOutput{Revision: &cdtypes.RevisionLocation{AppSpecContent: &cdtypes.AppSpecContent{Content: &text}}}, nil
		}))
	return &Reader{Limit: limit, Subject: &subject.Subject{
		AWS: a, Info: ecstypes.Service{DeploymentController: &ecstypes.DeploymentController{Type: ecstypes.DeploymentControllerTypeCodeDeploy}},
		Group: &cdtypes.DeploymentGroupInfo{ApplicationName: aws.String("app"), DeploymentGroupName: aws.String("group")},
	}}, cloud
}

func deployment(id, sum string) cdtypes.DeploymentInfo {
	d := cdtypes.DeploymentInfo{DeploymentId: &id, ApplicationName: aws.String("app"), Status: cdtypes.DeploymentStatusSucceeded, CreateTime: &noon}
	if sum != "" {
		d.Revision = &cdtypes.RevisionLocation{AppSpecContent: &cdtypes.AppSpecContent{Sha256: &sum}}
	}
	return d
}

// What a deployment brought is told as far as it is known: documents may be in S3, kept no
// longer, or none; task definitions may be deleted.
func TestWhatEachDeploymentBrought(t *testing.T) {
	inS3, none := deployment("d-S3", ""), deployment("d-NONE", "")
	inS3.Revision = &cdtypes.RevisionLocation{RevisionType: cdtypes.RevisionLocationTypeS3, S3Location: &cdtypes.S3Location{Bucket: aws.String("b")}}
	whole := deployment("d-WHOLE", "")
	whole.Revision = &cdtypes.RevisionLocation{AppSpecContent: &cdtypes.AppSpecContent{Content: aws.String(fmt.Sprintf(document, "4"))}}
	r, cloud := blueGreen(t, 10, map[string]string{"one": fmt.Sprintf(document, "1"), "nine": fmt.Sprintf(document, "9"), "bad": "no document", "empty": ""},
		deployment("d-8", "one"), deployment("d-7", "one"), deployment("d-6", "nine"), deployment("d-5", "lost"), deployment("d-4", "bad"), deployment("d-3", "empty"), inS3, none, whole)
	all, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range all {
		got = append(got, strings.TrimSpace(e.ID+" "+e.Revision+" "+images(e)))
	}
	want := []string{"d-8 web:1 web:1", "d-7 web:1 web:1", "d-6 web:9", "d-5", "d-4", "d-3", "d-S3", "d-NONE", "d-WHOLE web:4 web:4"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if n := cloud.Count("DescribeTaskDefinition"); n != 3 {
		t.Errorf("asked %d times for three definitions", n)
	}
	if n := cloud.Count("GetApplicationRevision"); n != 6 { // one of the two alike, none of whole and none
		t.Errorf("asked %d times for documents", n)
	}
}

func TestHundredsOfDeployments(t *testing.T) {
	var many []cdtypes.DeploymentInfo
	for i := range 230 {
		many = append(many, deployment(fmt.Sprintf("d-%d", i), ""))
	}
	for limit, want := range map[int]struct{ entries, lists, batches int }{1: {1, 1, 1}, 25: {25, 1, 1}, 101: {101, 2, 5}, 1000: {230, 3, 10}} {
		r, cloud := blueGreen(t, limit, nil, many...)
		all, err := r.Read(t.Context())
		if err != nil || len(all) != want.entries || all[len(all)-1].ID != fmt.Sprintf("d-%d", want.entries-1) {
			t.Errorf("limit %d: %d entries, %v", limit, len(all), err)
		}
		if l, b := cloud.Count("ListDeployments"), cloud.Count("BatchGetDeployments"); l != want.lists || b != want.batches {
			t.Errorf("limit %d: %d lists, %d batches; want %+v", limit, l, b, want)
		}
	}
	r, _ := blueGreen(t, 10, nil)
	if all, err := r.Read(t.Context()); err != nil || all == nil || len(all) > 0 { // [] in JSON, not null
		t.Errorf("%v, %v", all, err)
	}
}

func TestHowADeploymentEnded(t *testing.T) {
	d := deployment("d-1", "")
	d.Status, d.CompleteTime, d.Creator = cdtypes.DeploymentStatusFailed, aws.Time(noon.Add(time.Minute)), cdtypes.DeploymentCreatorUser
	d.ErrorInformation = &cdtypes.ErrorInformation{Message: aws.String("no health")}
	d.RollbackInfo = &cdtypes.RollbackInfo{RollbackDeploymentId: aws.String("d-2")}
	back := deployment("d-2", "")
	back.RollbackInfo, back.Creator = &cdtypes.RollbackInfo{RollbackTriggeringDeploymentId: aws.String("d-1")}, cdtypes.DeploymentCreatorCodeDeployRollback
	r, _ := blueGreen(t, 10, nil, back, d)
	all, err := r.Read(t.Context())
	if err != nil || all[1].Took != time.Minute || all[1].RolledBackBy != "d-2" || all[1].Error != "no health" || all[0].TakesBack != "d-1" || all[0].Took != 0 || !all[0].Completed.IsZero() {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestErrorsEndTheHistory(t *testing.T) {
	r, cloud := blueGreen(t, 10, nil, deployment("d-1", "one"))
	cloud.Set(awstest.Refused[codedeploy.GetApplicationRevisionInput, codedeploy.GetApplicationRevisionOutput](awstest.Denied))
	if _, err := r.Read(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "revision of deployment d-1: ") {
		t.Error(err)
	}
	r.Subject.Group = nil
	if _, err := r.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "has the deployment controller CODE_DEPLOY") {
		t.Error(err)
	}
}

func TestARollingServicesHistory(t *testing.T) {
	arn := func(n int) string { return fmt.Sprintf("arn:aws:ecs:r:1:service-deployment/shop/web/%d", n) }
	a, cloud := awstest.New(t, awstest.On(definitionOf),
		awstest.On(func(in *ecs.ListServiceDeploymentsInput) (*ecs.ListServiceDeploymentsOutput, error) {
			at, _ := strconv.Atoi(aws.ToString(in.NextToken))
			out := &ecs.ListServiceDeploymentsOutput{}
			for n := range 15 {
				out.ServiceDeployments = append(out.ServiceDeployments, ecstypes.ServiceDeploymentBrief{ServiceDeploymentArn: aws.String(arn(at + n))})
			}
			if at < 30 {
				out.NextToken = aws.String(strconv.Itoa(at + 15))
			}
			return out, nil
		}),
		awstest.On(func(in *ecs.DescribeServiceDeploymentsInput) (*ecs.DescribeServiceDeploymentsOutput, error) {
			if len(in.ServiceDeploymentArns) > 20 {
				return nil, &ecstypes.InvalidParameterException{}
			}
			out := &ecs.DescribeServiceDeploymentsOutput{}
			for _, id := range slices.Backward(in.ServiceDeploymentArns) {
				d := ecstypes.ServiceDeployment{ServiceDeploymentArn: &id, Status: ecstypes.ServiceDeploymentStatusSuccessful, CreatedAt: &noon}
				d.TargetServiceRevision = &ecstypes.ServiceRevisionSummary{Arn: aws.String("revision/7")}
				switch id {
				case arn(0):
					d.Status, d.TargetServiceRevision = ecstypes.ServiceDeploymentStatusPending, nil
				case arn(1):
					d.Status, d.StoppedAt, d.StatusReason = ecstypes.ServiceDeploymentStatusStopped, aws.Time(noon.Add(time.Hour)), aws.String("by hand")
				case arn(2):
					d.Status, d.FinishedAt = ecstypes.ServiceDeploymentStatusRollbackSuccessful, aws.Time(noon.Add(time.Second))
					d.Rollback = &ecstypes.Rollback{ServiceRevisionArn: aws.String("revision/6"), Reason: aws.String("unwell")}
				case arn(3):
					continue // gone meanwhile
				}
				out.ServiceDeployments = append(out.ServiceDeployments, d)
			}
			return out, nil
		}),
		awstest.On(func(in *ecs.DescribeServiceRevisionsInput) (*ecs.DescribeServiceRevisionsOutput, error) {
			if len(in.ServiceRevisionArns) != 1 {
				return nil, &ecstypes.InvalidParameterException{Message: aws.String("each revision once")}
			}
			return &ecs.DescribeServiceRevisionsOutput{ServiceRevisions: []ecstypes.ServiceRevision{{
				ServiceRevisionArn: &in.ServiceRevisionArns[0], TaskDefinition: aws.String("web:7"), ContainerImages: []ecstypes.ContainerImage{{ContainerName: aws.String("web"), Image: aws.String("repo/web@sha256:77")}},
			}}}, nil
		}))
	r := &Reader{Subject: &subject.Subject{AWS: a}, Limit: 42}
	all, err := r.Read(t.Context())
	if err != nil || len(all) != 41 {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	if e := all[0]; e.ID != "0" || e.Revision != "" || e.Status != "PENDING" || !e.Completed.IsZero() {
		t.Errorf("%+v", e)
	}
	if e := all[1]; e.Took != time.Hour || e.Error != "by hand" || e.Revision != "web:7" || images(e) != "web@sha256:77" || by(e) != "ann" {
		t.Errorf("%+v", e)
	}
	if e := all[2]; e.RolledBackBy != "revision 6" || e.Error != "unwell" {
		t.Errorf("%+v", e)
	}
	if e := all[3]; e.ID != "4" || e.Error != "" {
		t.Errorf("%+v", e)
	}
	if n := cloud.Count("ListServiceDeployments"); n != 3 {
		t.Errorf("listed %d times", n)
	}
}

func TestTheTable(t *testing.T) {
	var b bytes.Buffer
	now := noon.Add(30 * time.Hour)
	Print(&term.Streams{Out: &b, Err: &b}, []Entry{
		{ID: "d-2", Status: "InProgress", Revision: "arn:…/web:2", Created: now.Add(-time.Minute), Creator: "user", RegisteredBy: "arn:aws:iam::1:root"},
		{ID: "d-1", Status: "Failed", Created: noon, Completed: noon.Add(time.Minute), Took: time.Minute, Creator: "codeDeployRollback", RolledBackBy: "d-3", TakesBack: "d-0", Error: strings.Repeat("é", 300), Images: []Image{{"web", "r.example/team/web:1"}, {"side", "side:2"}}},
	}, now)
	want := fmt.Sprintf(`d-2  InProgress  web:2  1m0s…  %-16s  root
d-1  Failed             1m0s   %s  codeDeployRollback  web:1, side:2
    rolled back by d-3
    takes back d-0
    %s
`, now.Add(-time.Minute).Local().Format("15:04:05"), noon.Local().Format("2006-01-02 15:04"), strings.Repeat("é", 200))
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
