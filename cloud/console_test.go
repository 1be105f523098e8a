package cloud_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/chromedp/chromedp"

	"github.com/turnoutdev/turnout/cloud"
)

// The places of a deployment's page.
const (
	statusPill  = ".title .pill"
	firstStep   = ".steps li:nth-child(1)"
	testStep    = ".steps li:nth-child(2)"
	rerouteStep = ".steps li:nth-child(3)"
	waitStep    = ".steps li:nth-child(4)"
	lastStep    = ".steps li:nth-child(5)"
	original    = ".sides .original .big"
	replacement = ".sides .replacement .big"
)

func (b *browser) open(r *rig, page string) {
	b.Helper()
	b.do(chromedp.Navigate(r.Console() + page))
}

// A deployment is followed on its page, from the overview on, without ever loading it
// again: steps advance, traffic moves, waits count down.
func TestConsoleFollowsADeployment(t *testing.T) {
	b := browse(t)
	s := started(t, cloud.Options{Driver: "native", TimeScale: 20}).site()
	b.open(s.rig, "")
	b.until(".service h2", "web")
	b.until(".service .legend", "blue 100%")
	if !b.holds("document.querySelector('.service .front a').href.startsWith(" + quote(s.url) + ")") {
		t.Errorf("the load balancer's address: %s", b.text(".service .front a"))
	}
	id := s.deploy(s.revision("200"))
	b.click(".service .banner a", id)
	b.until(replacement, "10%")
	evaluate[chromedp.Void](b, "window.sameAsEver = true")
	b.until(original, "90%")
	b.until(firstStep, "Succeeded")
	b.until(testStep, "Succeeded")
	b.until(rerouteStep, "10% rerouted; more in")
	b.until(statusPill, "In progress")
	b.until("#say", "Replacement gets 10%")
	b.until(".fronts", "production")
	if !b.holds("document.querySelector('.steps li:nth-child(3) progress').value === 10") {
		t.Error("the bar of the third step does not stand at 10")
	}
	b.until(waitStep, "the original task set ends in")
	b.until(replacement, "100%")
	b.until(statusPill, "Succeeded")
	b.until(lastStep, "Succeeded")
	b.until("#say", "Deployment Succeeded")
	if !b.holds("[...document.querySelectorAll('.steps progress')].every((p) => p.value === 100)") || !b.holds("document.querySelectorAll('.title button').length === 0") {
		t.Errorf("after the end: %s", b.text("main"))
	}
	if got := b.text("[data-key='Lifecycle events'] tbody"); strings.Count(got, "Succeeded") != 8 {
		t.Errorf("lifecycle events: %s", got)
	}
	b.until("[data-key='Revision'] pre", "ContainerName: web")
	if !b.holds("window.sameAsEver") {
		t.Error("the page was loaded again")
	}
}

// The buttons ask, and then do what they say.
func TestConsoleStopsAndGoesOn(t *testing.T) {
	b := browse(t)
	s := started(t, cloud.Options{Driver: "native", TimeScale: 20}).site()
	id := s.deploy(s.revision("200"))
	b.open(s.rig, "deployments/"+id)
	b.until(replacement, "10%")
	b.click(".title button", "Stop and roll back")
	b.until("#ask-text", "all traffic returns to the original task set")
	if !b.holds("document.getElementById('ask').open") {
		t.Error("it does not ask")
	}
	b.click("#ask-go", "Stop and roll back")
	b.until(statusPill, "Stopped")
	b.until(rerouteStep, "Stopped")
	b.until("[role=alert].banner", "stopped by a user request")
	b.click(".banner a", "d-")
	b.until("main", "This is the rollback of "+id)
	b.until(statusPill, "Succeeded")
	b.until(original, "100%")

	// The canary's wait is long; the end's is cut short.
	id = s.deploy(s.revision("200"))
	b.open(s.rig, "deployments")
	b.click("tbody a", id)
	b.until(replacement, "10%")
	b.click(".title button", "Stop deployment")
	b.do(chromedp.Click(chromedp.CSS("#ask button[value=cancel]")))
	if b.holds("document.getElementById('ask').open") || b.text(statusPill) != "In progress" {
		t.Error("what was cancelled was done")
	}
	b.until(waitStep, "the original task set ends in")
	b.click(".title button", "Terminate original task set")
	b.click("#ask-go", "Terminate original task set")
	b.until(statusPill, "Succeeded")
}

// A deployment that fails says why: the event, the tasks' last words and exit codes, and
// what has undone it.
func TestConsoleTellsWhyADeploymentFailed(t *testing.T) {
	b := browse(t)
	s := started(t, cloud.Options{Driver: "native", TimeScale: 300}).site()
	must(cloudwatchlogs.NewFromConfig(s.cfg).CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/ecs/web")}))
	bad := must(ecs.NewFromConfig(s.cfg).RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("web"), NetworkMode: ecstypes.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("512"),
		RequiresCompatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityFargate}, ExecutionRoleArn: &s.execution,
		ContainerDefinitions: []ecstypes.ContainerDefinition{{
			Name: aws.String("web"), Image: &s.image, PortMappings: []ecstypes.PortMapping{{ContainerPort: aws.Int32(9000)}},
			Environment: []ecstypes.KeyValuePair{{Name: aws.String("EXIT"), Value: aws.String("3")}, {Name: aws.String("PASSWORD"), Value: aws.String("hunter2")}},
			LogConfiguration: &ecstypes.LogConfiguration{LogDriver: ecstypes.LogDriverAwslogs, Options: map[string]string{
				"awslogs-group": "/ecs/web", "awslogs-region": s.Region(), "awslogs-stream-prefix": "ecs",
			}},
		}},
	}))
	id := s.deploy(*bad.TaskDefinition.TaskDefinitionArn)
	b.open(s.rig, "deployments/"+id)
	b.until(statusPill, "Failed")
	b.until("[role=alert].banner", "TIMEOUT")
	b.until(firstStep, "Failed")
	b.until(lastStep, "Skipped")
	why := "[data-key='What happened']"
	b.until(why, "It ended in Install")
	b.until(why, "exit code 3")
	b.until(why, "Essential container in task exited")
	b.until(why+" pre", "no database at db.internal")
	b.click(why+" .containers a", "Logs")
	b.until(".tail", "no database at db.internal")
	b.open(s.rig, "deployments/"+id)
	b.click(".banner a", "d-")
	b.until("main", "This is the rollback of "+id)
	b.until(statusPill, "Succeeded")

	must(elb.NewFromConfig(s.cfg).ModifyTargetGroup(t.Context(), &elb.ModifyTargetGroupInput{TargetGroupArn: &s.green, HealthCheckPath: aws.String("/")}))
	b.open(s.rig, "deployments/"+s.deploy(s.revision("500")))
	b.until(firstStep, "1 of 1 running, 0 healthy")
	b.until(".tasks .why", "Health checks failed with these codes: [500]")
	b.until(statusPill, "Failed")
	b.until(why, "unhealthy: Health checks failed with these codes: [500]")

	b.open(s.rig, "services/demo/web")
	b.until("[data-key='Deployments']", id)
	b.until("[data-key='Revision']", "STATUS=•••")
	for _, page := range []string{"services/demo/web.json", "deployments/" + id + ".json", "overview.json"} {
		if _, body := s.ask("GET", "/_turnout/console/api/"+page, nil); strings.Contains(string(body), "hunter2") {
			t.Errorf("%s gives a value of the environment away", page)
		}
	}
}

// What users name things is text, whatever it looks like.
func TestConsoleShowsHostileNamesAsText(t *testing.T) {
	b := browse(t)
	r := started(t, cloud.Options{Driver: "fake"})
	name := `<img src=x onerror="window.taken=1"><script>window.taken=1</script>`
	must(cw.NewFromConfig(r.cfg).PutMetricAlarm(t.Context(), &cw.PutMetricAlarmInput{
		AlarmName: &name, MetricName: aws.String("<b>m</b>"), Namespace: aws.String("n"), Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1),
		Threshold: aws.Float64(1), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold, Statistic: cwtypes.StatisticSum,
	}))
	must(cw.NewFromConfig(r.cfg).SetAlarmState(t.Context(), &cw.SetAlarmStateInput{AlarmName: &name, StateValue: cwtypes.StateValueAlarm, StateReason: aws.String("</pre><svg onload='window.taken=1'>")}))
	for page, selector := range map[string]string{"alarms": "tbody", "": ".banner"} {
		b.open(r, page)
		b.until(selector, name)
		if b.holds("window.taken || document.querySelector('main img, main script, main svg, main tbody b')") {
			t.Errorf("page %q takes a name for markup", page)
		}
	}
	for page, hint := range map[string]string{"": "turnout provision --local", "deployments": "turnout ship --local", "balancers": "turnout provision --local", "repositories": "turnout provision --local", "logs": "awslogs"} {
		b.open(r, page)
		b.until("main", hint)
	}
	b.open(r, "nonsense/page")
	b.until("h1", "no such page")
	b.open(r, "deployments/d-NOTTHERE1")
	b.until("[role=alert]", "d-NOTTHERE1")
}

// The page fits a telephone: nothing but tables scrolls sideways.
func TestConsoleFitsATelephone(t *testing.T) {
	b := browse(t)
	s := started(t, cloud.Options{Driver: "native", TimeScale: 600}).site()
	id := s.deploy(s.revision("200"))
	s.ended(id)
	b.do(chromedp.EmulateViewport(400, 800))
	for page, ready := range map[string]string{"": ".service", "deployments/" + id: ".steps", "services/demo/web": ".tasks", "balancers/web": ".spark", "repositories/web": "tbody"} {
		b.open(s.rig, page)
		b.do(chromedp.WaitReady(chromedp.CSS(ready)))
		if !b.holds("document.documentElement.scrollWidth <= 400") {
			t.Errorf("page %q is wider than 400 pixels", page)
		}
	}
}

func TestConsoleKeepsOthersOut(t *testing.T) {
	r := started(t, cloud.Options{Driver: "fake"})
	for _, headers := range [][]string{{"Origin", "https://example.com"}, {"Host", "evil.example.com"}, {"Sec-Fetch-Site", "cross-site"}} {
		if status, body := r.ask("GET", "/_turnout/console/api/about.json", nil, headers...); status != http.StatusForbidden || strings.Contains(string(body), "token\":") {
			t.Errorf("%v: %d %s", headers, status, body)
		}
	}
	if status, body := r.ask("GET", "/_turnout/console/api/about.json", nil); status != http.StatusOK || !strings.Contains(string(body), `"driver":"fake"`) {
		t.Errorf("its own: %d %s", status, body)
	}
	if status, _ := r.ask("POST", "/_turnout/console/api/deployments/d-ABCDEFGHI/stop", nil); status != http.StatusForbidden {
		t.Errorf("without a token: %d", status)
	}
}
