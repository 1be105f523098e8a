package autopsy

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// task is one that stopped with a reason.
func task(code, reason string, containers ...Container) Report {
	return Report{Tasks: []Task{{ID: "0123456789abcdef", Status: "STOPPED", StopCode: code, Reason: reason, Containers: containers}}}
}

func exited(n int32, log ...string) Container {
	return Container{Name: "web", ExitCode: &n, Log: log}
}

func target(address, description string) Report {
	return Report{Targets: []Target{{Group: "web-green", Address: address, State: "unhealthy", Description: description}}}
}

// Each cause, in the words in which AWS tells it, has its own fix and no other.
func TestTheLikelyFix(t *testing.T) {
	const secrets = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been retried 1 time(s): "
	noLogs := task("TaskFailedToStart", "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.: exit status 1")
	noLogs.Tasks[0].Containers = []Container{{Name: "web", logGroup: "/ecs/web"}}
	unwell := task("ServiceSchedulerInitiated", "Task failed container health checks", Container{Name: "web", Health: "UNHEALTHY", ExitCode: aws.Int32(137)})
	for want, r := range map[string]Report{
		"There is no image 1.dkr.ecr.eu-west-1.amazonaws.com/web:nosuch: push it":                      task("TaskFailedToStart", "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref 1.dkr.ecr.eu-west-1.amazonaws.com/web:nosuch: 1.dkr.ecr.eu-west-1.amazonaws.com/web:nosuch: not found"),
		"The image could not be pulled":                                                                task("TaskFailedToStart", "CannotPullContainerError: context deadline exceeded"),
		"The role exec lacks the permission ssm:GetParameters on arn:aws:ssm:eu-west-1:1:parameter/s.": task("TaskFailedToStart", secrets+"AccessDeniedException: User: arn:aws:sts::1:assumed-role/exec/0123 is not authorized to perform: ssm:GetParameters on resource: arn:aws:ssm:eu-west-1:1:parameter/s because no identity-based policy allows the ssm:GetParameters action"),
		"There is no parameter /web/key in Parameter Store":                                            task("TaskFailedToStart", secrets+"invalid ssm parameters: /web/key"),
		"There is no such secret in Secrets Manager":                                                   task("TaskFailedToStart", "ResourceInitializationError: unable to retrieve secret from asm: ResourceNotFoundException: Secrets Manager can't find the specified secret."),
		"The log group /ecs/web does not exist":                                                        noLogs,
		"A secret, a log group or a network resource":                                                  task("TaskFailedToStart", "ResourceInitializationError: unable to reach anything"),
		"another CPU architecture":                                                                     task("EssentialContainerExited", "Essential container in task exited", exited(255, "exec /app: exec format error")),
		"check entryPoint and command":                                                                 task("TaskFailedToStart", `CannotStartContainerError: exec: "/nosuch": no such file or directory`),
		"needed more memory":                                                                           task("EssentialContainerExited", "Essential container in task exited", Container{Name: "web", ExitCode: aws.Int32(137), Reason: "OutOfMemoryError: container killed due to memory usage"}),
		"Exit code 127":                                                                                task("EssentialContainerExited", "Essential container in task exited", exited(127, "sh: app: not found")),
		`Container web ended by itself with exit code 1, its last words being "no such table": a service must keep running`: task("EssentialContainerExited", "Essential container in task exited", exited(1, "hello", "no such table\n")),
		"Container web ended by itself with exit code 0: a service":                                                         task("EssentialContainerExited", "Essential container in task exited", exited(0)),
		"The health check's path answers 404":                                                                               target("10.0.0.1:9000", "Health checks failed with these codes: [404]"),
		"an error (503)":                                                                                                    target("10.0.0.1:9000", "Health checks failed with these codes: [503]"),
		"redirected (301)":                                                                                                  target("10.0.0.1:9000", "Health checks failed with these codes: [301]"),
		"no answer in time":                                                                                                 target("10.0.0.1:9000", "Request timed out"),
		"connection on port 9000: does":                                                                                     target("10.0.0.1:9000", "Health checks failed"),
		"connection on port 80: does":                                                                                       {Service: []string{"(service web, taskSet ecs-svc/1) (port 80) is unhealthy in (target-group arn:aws:elasticloadbalancing:r:1:targetgroup/g/5) due to (reason Health checks failed)."}},
		"The container's own health check (healthCheck in the task definition) fails: web.":              unwell,
		"The role arn:aws:iam::1:role/none must exist":                                                   {Service: []string{"(service web) failed to launch a task with (error ECS was unable to assume the role 'arn:aws:iam::1:role/none' that was provided for this task. Please verify that the role being passed has the proper trust relationship)."}},
		"An alarm of the deployment group fired: see its history":                                        {ErrorMessage: "One or more alarms have been activated according to the Amazon CloudWatch metrics"},
		"What fired is web-errors, web-slow, of the deployment group's alarms":                           {ErrorMessage: "One or more alarms have been activated, and the affected deployments have been stopped. Activated alarms: <web-errors, web-slow>"},
		"The health check's path /ping answers 404":                                                      {path: "/ping", Service: []string{"(service web) (port 80) is unhealthy in (target-group arn:aws:elasticloadbalancing:r:1:targetgroup/g/5) due to (reason Health checks failed with these codes: [404])."}},
		"The hook function check did not report Succeeded in time: its log (/aws/lambda/check) says why": {Hook: &Hook{Function: "check"}, Diagnostics: "The deployment failed because one or more of the lifecycle event validation functions failed."},
		"The hook function check did not report Succeeded in time: its log above says why":               {Hook: &Hook{Function: "check", Log: []string{"no"}}, Diagnostics: "The deployment failed because one or more of the lifecycle event validation functions failed."},
		"A hook function reported Failed":                                                                {Diagnostics: "The overall deployment failed because one of the lifecycle event validation functions failed."},
		"":                                                                                               task("ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/1)", exited(137)),
	} {
		got := fixes(&r)
		if want == "" {
			if len(got) > 0 {
				t.Errorf("%+v: %q", r, got)
			}
			continue
		}
		if len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("want %q, got %q", want, got)
		}
	}
}

func TestTheBlock(t *testing.T) {
	r := Report{
		DeploymentID: "d-1", Status: "Failed", Event: "Install", Diagnostics: "timed out", ErrorCode: "TIMEOUT", ErrorMessage: "timed out",
		Tasks: []Task{
			{ID: "0123456789abcdef", Status: "STOPPED", StopCode: "TaskFailedToStart", Reason: "no, 0123456789abcdef0123456789abcdef may not", Containers: []Container{{Name: "web"}}},
			{ID: "1123456789abcdef", Status: "STOPPED", StopCode: "TaskFailedToStart", Reason: "no, 1123456789abcdef0123456789abcdef may not", Containers: []Container{{Name: "web"}}},
			{ID: "2123456789abcdef", Status: "STOPPED", Containers: []Container{exited(1, "a\n", "b"), {Name: "side", NoLog: "it wrote nothing", Health: "UNHEALTHY"}}},
		},
		Targets: []Target{{Group: "g", Address: "10.0.0.1:80", State: "unhealthy", Reason: "Target.FailedHealthChecks", Description: "Health checks failed"}},
		Service: []string{"is unable to", "is unable to"}, Missing: []string{"tasks: denied"}, Fixes: []string{"mend it"},
	}
	const want = `Why deployment d-1 failed
  failed at    Install: TIMEOUT: timed out
  task         01234567 STOPPED: TaskFailedToStart: no, 0123456789abcdef0123456789abcdef may not (and another one like it)
  task         21234567 STOPPED
  container    web exited with code 1; the end of its log:
               │ a
               │ b
  container    side (unhealthy); its log: it wrote nothing
  target       10.0.0.1:80 in g: unhealthy  Target.FailedHealthChecks Health checks failed
  service      is unable to
  not read     tasks: denied
  likely fix   mend it
`
	if got := r.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r = Report{DeploymentID: "d-1", Status: "Stopped", Event: "Install", Diagnostics: "skipped", ErrorCode: "MANUAL_STOP", ErrorMessage: "by hand"}
	if got := r.String(); got != "Why deployment d-1 was stopped\n  failed at    Install: skipped\n  error        MANUAL_STOP: by hand\n" {
		t.Error(got)
	}
}
