package cloud_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// TestTraps holds what clients of AWS have stumbled over, each under the name of one that
// did. Where a client passes here and fails on AWS, nobody is helped.
func TestTraps(t *testing.T) {
	for _, trap := range []struct {
		client, what string
		test         func(*trapped)
	}{
		{"aws ecs deploy", "indexes both wait times without a guard", waitTimes},
		{"aws ecs deploy", "compares services with names and with ARNs", servicesAsGiven},
		{"the deploy action", "computes its patience from both wait times", waitTimes},
		{"the deploy action", "reads failures where it expected an error", missingService},
		{"the deploy action (345)", "knows an active deployment by its text", activeDeployment},
		{"the deploy action (872)", "waits for minutes after the target has succeeded", terminationWait},
		{"the deploy action (191)", "takes a deployment that was rolled back for a good one", rolledBack},
		{"the deploy action (216)", "loses the empty strings of a command", emptyStrings},
		{"the render action", "sends back what only AWS may set", readBack},
		{"the ECR login action", "makes its registry of the proxy endpoint", proxyEndpoint},
		{"the JavaScript SDK", "takes timestamps for seconds", timestamps},
		{"botocore", "waits for services_stable for ever", servicesStable},
		{"botocore", "knows a task set by a misspelt member", targets},
		{"Terraform (6802)", "forgets the compute platform", computePlatform},
		{"Terraform (8005) and CDK", "update a service with its own task definition", unchangedDefinition},
		{"Terraform", "finds the other target group after each deployment", colours},
		{"Terraform (9124)", "finds a second target group in the listener's action", unusedGroup},
		{"traveloka's Terraform module", "has rules on a listener that CodeDeploy moves", rules},
		{"CDK (23564)", "leaves a rule behind that no longer forwards to blue", staleRule},
		{"CircleCI's orb (181)", "writes AppSpecs in its own way", appSpecs},
		{"ecspresso (663)", "waits for a deployment that is not the newest", newestFirst},
		{"ecspresso (393)", "asks for task sets that are CodeDeploy's", taskSets},
		{"pipecd (4692)", "finds no place for a sixth task set", fiveTaskSets},
		{"pipecd (5280)", "finds weights that a rollback left", rolledBack},
		{"the AWS CLI", "asks for targets before there are any", notStarted},
		{"a first deployment all at once", "passes with an image that never answers", brokenImage},
		{"configure-aws-credentials (721)", "meets an account without its provider", noProvider},
	} {
		t.Run(trap.client+" "+trap.what, func(t *testing.T) {
			r := &trapped{account: newAccount(t)}
			r.stage("")
			r.deployer = r.role("deployer", byCodeDeploy, allow("*"))
			trap.test(r)
		})
	}
}

// trapped is an account with a service that waits to be deployed, seen over the bare wire:
// what an SDK makes of an answer hides what other clients read.
type trapped struct {
	*account
	deployer string
}

var prefixes = map[string]string{
	"codedeploy": "CodeDeploy_20141006.", "ecs": "AmazonEC2ContainerServiceV20141113.", "ecr": "AmazonEC2ContainerRegistry_V20150921.",
}

// post makes a call of an awsJson service.
func (r *trapped) post(service, op, body string) (int, string) {
	r.t.Helper()
	req := must(http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.url, strings.NewReader(body)))
	req.Header.Set("X-Amz-Target", prefixes[service]+op)
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	sum := sha256.Sum256([]byte(body))
	key := must(r.cfg.Credentials.Retrieve(r.t.Context()))
	check(r.t, v4.NewSigner().SignHTTP(r.t.Context(), key, req, hex.EncodeToString(sum[:]), service, r.cfg.Region, time.Now()))
	res := must(http.DefaultClient.Do(req))
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode, string(must(io.ReadAll(res.Body)))
}

// says makes a call whose answer shall match patterns, but none that begins with "!".
func (r *trapped) says(service, op, body string, patterns ...string) {
	r.t.Helper()
	status, got := r.post(service, op, body)
	for _, p := range patterns {
		form, not := strings.CutPrefix(p, "!")
		if regexp.MustCompile(form).MatchString(got) == not {
			r.t.Errorf("%s %s\ngot  %d %s\nwant %s", op, body, status, got, p)
		}
	}
}

// refuses makes a call that shall fail with a code and a text.
func (r *trapped) refuses(service, op, body, code, message string) {
	r.t.Helper()
	var got struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	status, answer := r.post(service, op, body)
	if err := json.Unmarshal([]byte(answer), &got); err != nil || status != http.StatusBadRequest || got.Type != code || got.Message != message {
		r.t.Errorf("%s %s\ngot  %d %s\nwant %s: %s", op, body, status, answer, code, message)
	}
}

// made makes the deployment group "g"; change alters the request.
func (r *trapped) made(change ...func(*codedeploy.UpdateDeploymentGroupInput)) {
	r.t.Helper()
	check(r.t, r.group("g", r.deployer))
	for _, f := range change {
		in := &codedeploy.UpdateDeploymentGroupInput{ApplicationName: aws.String("app"), CurrentDeploymentGroupName: aws.String("g")}
		f(in)
		must(r.cd.UpdateDeploymentGroup(r.t.Context(), in))
	}
}

func gradual(in *codedeploy.UpdateDeploymentGroupInput) {
	in.DeploymentConfigName = aws.String("CodeDeployDefault.ECSCanary10Percent15Minutes")
}

// lasting lets blue stand for two days after a deployment.
func lasting(in *codedeploy.UpdateDeploymentGroupInput) {
	in.BlueGreenDeploymentConfiguration = &cdtypes.BlueGreenDeploymentConfiguration{
		TerminateBlueInstancesOnDeploymentSuccess: &cdtypes.BlueInstanceTerminationOption{Action: cdtypes.InstanceActionTerminate, TerminationWaitTimeInMinutes: 2880},
	}
}

// asked is a request for a deployment by an AppSpec.
func asked(content string) string {
	return fmt.Sprintf(`{"applicationName":"app","deploymentGroupName":"g","revision":{"revisionType":"AppSpecContent","appSpecContent":{"content":%s}}}`, must(json.Marshal(content)))
}

// specOf is an AppSpec with the load balancer's part as given.
func specOf(definition, balancer string) string {
	return fmt.Sprintf(`{"version":0.0,"Resources":[{"T":{"Type":"AWS::ECS::Service","Properties":{"TaskDefinition":%q,"LoadBalancerInfo":%s}}}]}`, definition, balancer)
}

const balanced = `{"ContainerName":"web","ContainerPort":80}`

// begun starts a deployment by an AppSpec and returns its id.
func (r *trapped) begun(content string) string {
	r.t.Helper()
	var out struct {
		ID string `json:"deploymentId"`
	}
	_, got := r.post("codedeploy", "CreateDeployment", asked(content))
	if err := json.Unmarshal([]byte(got), &out); err != nil || out.ID == "" {
		r.t.Fatalf("%s", got)
	}
	return out.ID
}

// until waits for a deployment to be as it should.
func (r *trapped) until(id string, ok func(*cdtypes.DeploymentInfo) bool) *cdtypes.DeploymentInfo {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
		d := must(r.cd.GetDeployment(r.t.Context(), &codedeploy.GetDeploymentInput{DeploymentId: &id})).DeploymentInfo
		if ok(d) {
			return d
		}
		if d.CompleteTime != nil || time.Now().After(end) {
			r.t.Fatalf("deployment %s is %s, %+v", id, d.Status, d.ErrorInformation)
		}
	}
}

func over(d *cdtypes.DeploymentInfo) bool { return d.CompleteTime != nil }

func waiting(d *cdtypes.DeploymentInfo) bool { return d.InstanceTerminationWaitTimeStarted }

// weights are the shares of blue and green on the listener, or on a rule of it; -1 for a
// group that is not there.
func (r *trapped) weights(rule ...string) (blue, green int32) {
	r.t.Helper()
	actions := must(r.elb.DescribeListeners(r.t.Context(), &elb.DescribeListenersInput{ListenerArns: []string{r.listener}})).Listeners[0].DefaultActions
	if len(rule) > 0 {
		actions = must(r.elb.DescribeRules(r.t.Context(), &elb.DescribeRulesInput{RuleArns: rule})).Rules[0].Actions
	}
	blue, green = -1, -1
	for _, g := range actions[0].ForwardConfig.TargetGroups {
		*map[string]*int32{r.blue: &blue, r.green: &green}[*g.TargetGroupArn] = *g.Weight
	}
	return blue, green
}

// wantWeights checks the shares of blue and green.
func (r *trapped) wantWeights(blue, green int32, rule ...string) {
	r.t.Helper()
	if b, g := r.weights(rule...); b != blue || g != green {
		r.t.Errorf("blue has %d, green %d; want %d and %d", b, g, blue, green)
	}
}

// forward makes the listener's default action forward to one group, as before any deployment.
func (r *trapped) forward(group string) []elbtypes.Action {
	return []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: &group}}
}

// rule makes a rule on the listener that forwards to a group, and returns its ARN.
func (r *trapped) rule(group string) string {
	r.t.Helper()
	out := must(r.elb.CreateRule(r.t.Context(), &elb.CreateRuleInput{
		ListenerArn: &r.listener, Priority: aws.Int32(1), Actions: r.forward(group),
		Conditions: []elbtypes.RuleCondition{{Field: aws.String("path-pattern"), Values: []string{"/api/*"}}},
	}))
	return *out.Rules[0].RuleArn
}
