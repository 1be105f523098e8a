package autopsy

import (
	"fmt"
	"strings"

	"github.com/turnoutdev/turnout/internal/regex"
)

// rule is one known cause: when it matches the report, its fix is named.
type rule struct {
	match     func(*Report) string // what it matched, "" for no match
	fix       string               // %s is what matched
	otherwise bool                 // only when nothing more specific is known
}

// rules are tried in order; the most specific stand first.
var rules = []rule{
	{match: matcher(`ECS was unable to assume the role '([^']+)'`), fix: "The role %s must exist in this account, and its trust policy must let ecs-tasks.amazonaws.com assume it."},
	{match: text(`does not have the permissions required to assume the role (\S+[^.\s])`), fix: "The service role %s must exist in this account, and its trust policy must let codedeploy.amazonaws.com assume it."},
	{match: text(`assumed-role/([^/\s]+)/\S+ is not authorized to perform: ([\w-]+:\w+)(?: on resource: (\S+))?`), fix: "The role %s lacks the permission %s on %s. AmazonECSTaskExecutionRolePolicy has what most tasks need; secrets and log groups to be made need a policy of their own."},
	{match: text(`is not authorized to perform: ([\w-]+:\w+)`), fix: "A role lacks the permission %s; the message names the role and the resource.", otherwise: true},
	{match: text(`(?i)CannotPullContainerError.*?(\S+/\S+): (?:image )?not found`), fix: "There is no image %s: push it, or correct the name and the tag."},
	{match: text(`CannotPullContainerError[^\n]*`), fix: "The image could not be pulled. Check that it was pushed to this registry under this tag, that the execution role may read it, and that the subnets reach the registry.", otherwise: true},
	{match: text(`invalid ssm parameters: ([^\s\]]+)`), fix: "There is no parameter %s in Parameter Store of this region: make it, or correct valueFrom."},
	{match: text(`Secrets Manager can't find the specified secret|ResourceNotFoundException: (?:Secrets Manager[^\n]*)`), fix: "There is no such secret in Secrets Manager of this region: make it, or correct valueFrom."},
	{match: logGroup, fix: "The log group %s does not exist: make it, or set the log option awslogs-create-group."},
	{match: text(`(?i)exec format error|built for [a-z0-9/]+`), fix: "The image is built for another CPU architecture than the task runs on (%s). Build with --platform, or set runtimePlatform in the task definition."},
	{match: text(`CannotStartContainerError[^\n]*`), fix: "The container could not be started: check entryPoint and command against what is in the image."},
	{match: text(`ResourceInitializationError[^\n]*`), fix: "A secret, a log group or a network resource could not be had before the start. Check the execution role and that each of them exists.", otherwise: true},
	{match: text(`OutOfMemory[^\n]*`), fix: "A container needed more memory than its limit: raise \"memory\" of the container and of the task."},
	{match: text(`(?i)address already in use`), fix: "Two containers of the task want one port: give each its own."},
	{match: exitCode(127), fix: "Exit code 127: the command was not found in the image."},
	{match: exitCode(137), fix: "Exit code 137: killed, by the memory limit or because it did not stop within stopTimeout.", otherwise: true},
	{match: exitCode(139), fix: "Exit code 139: the program crashed with a segmentation fault."},
	{match: text(`did not have a container port \d+ defined`), fix: "The appspec's ContainerPort is not in the container's portMappings."},
	{match: text(`does not exist in the task definition`), fix: "The appspec's ContainerName is not a container of the task definition."},
	{match: text(`must be behind listener`), fix: "The listener (or one of its rules) does not forward to the target group of the running task set. Point it there, then deploy again."},
	{match: text(`not a well-formed yaml`), fix: "The appspec cannot be parsed: check its syntax."},
	{match: text(`IAM role [^ ]+ does not give you permission`), fix: "The deployment group's service role lacks permissions: attach AWSCodeDeployRoleForECS to it. For AmazonECS that includes iam:PassRole for the roles that the task definition names."},
	{match: notFound, fix: "The health check's %s answers 404: the service has no such path. Set the target group's health check path to one that answers 200."},
	{match: matcher(`\[(5\d\d)\]`), fix: "The service answers its health check with an error (%s): see its log above."},
	{match: matcher(`\[(30\d)\]`), fix: "The health check is redirected (%s): check a path that answers 200 itself, or widen the matcher."},
	{match: matcher(`(?i)timed out`), fix: "The health check had no answer in time: does the service listen on 0.0.0.0 and on the appspec's ContainerPort, and is the security group open?"},
	{match: refused, fix: "Nothing accepted the health check's connection on port %s: does the service listen there, and on 0.0.0.0?"},
	{match: unhealthyContainer, fix: "The container's own health check (healthCheck in the task definition) fails: %s."},
	{match: text(`Activated alarms: <([^>]+)>`), fix: "What fired is %s, of the deployment group's alarms: see its metric, and what the service wrote meanwhile (`turnout logs`)."},
	{match: text(`One or more alarms have been activated`), fix: "An alarm of the deployment group fired: see its history in CloudWatch.", otherwise: true},
	{match: hook, fix: "The hook function %s did not report Succeeded in time: %s says why."},
	{match: text(`lifecycle event validation functions failed`), fix: "A hook function reported Failed: see its own log.", otherwise: true},
	{match: lastWords, fix: "%s: a service must keep running.", otherwise: true},
}

// fixes names the likely causes, at most two.
func fixes(r *Report) []string {
	var out []string
	for _, k := range rules {
		if len(out) == 2 || (k.otherwise && len(out) > 0) {
			continue
		}
		if m := k.match(r); m != "" {
			fix := k.fix
			for _, part := range strings.Split(m, "\n") {
				fix = strings.Replace(fix, "%s", part, 1)
			}
			out = append(out, fix)
		}
	}
	return out
}

// text matches anywhere in what was said about the deployment and its tasks.
func text(pattern string) func(*Report) string {
	re := regex.New(pattern)
	return func(r *Report) string {
		all := []string{r.ErrorMessage, r.Diagnostics}
		for _, t := range r.Tasks {
			all = append(all, t.Reason)
			for _, c := range t.Containers {
				all = append(all, c.Reason)
				all = append(all, c.Log...)
			}
		}
		return first(re, all)
	}
}

// matcher matches in the descriptions of unhealthy targets and in the service's events.
func matcher(pattern string) func(*Report) string {
	re := regex.New(pattern)
	return func(r *Report) string {
		var all []string
		for _, t := range r.Targets {
			all = append(all, t.Description)
		}
		for _, e := range r.Service {
			all = append(all, strings.TrimRight(e, ")."))
		}
		return first(re, all)
	}
}

// first is the first match: what its groups hold, a line each, or all of it.
func first(re *regex.Lazy, all []string) string {
	for _, s := range all {
		m := re.FindStringSubmatch(s)
		switch {
		case m == nil:
		case len(m) == 1:
			return m[0]
		default:
			return strings.Join(m[1:], "\n")
		}
	}
	return ""
}

// notFound is the path of a health check that answers 404.
func notFound(r *Report) string {
	if matcher(`\[(404)\]`)(r) == "" {
		return ""
	}
	return strings.TrimSpace("path " + r.path)
}

// hook is the function that failed, and where its log is.
func hook(r *Report) string {
	switch {
	case r.Hook == nil || text(`lifecycle event validation functions failed`)(r) == "":
		return ""
	case len(r.Hook.Log) > 0:
		return r.Hook.Function + "\nits log above"
	}
	return r.Hook.Function + "\nits log (/aws/lambda/" + r.Hook.Function + ")"
}

// lastWords says how an essential container ended and what it wrote last.
func lastWords(r *Report) string {
	for _, t := range r.Tasks {
		for _, c := range t.Containers {
			if t.StopCode != "EssentialContainerExited" || c.ExitCode == nil {
				continue
			}
			s := fmt.Sprintf("Container %s ended by itself with exit code %d", c.Name, *c.ExitCode)
			if n := len(c.Log); n > 0 {
				s += fmt.Sprintf(", its last words being %q", strings.TrimSpace(c.Log[n-1]))
			}
			return strings.ReplaceAll(s, "\n", " ")
		}
	}
	return ""
}

// logGroup is the log group that a task did not find.
func logGroup(r *Report) string {
	for _, t := range r.Tasks {
		if !strings.Contains(t.Reason, "specified log group does not exist") {
			continue
		}
		for _, c := range t.Containers {
			if c.logGroup != "" {
				return c.logGroup
			}
		}
		return "of a container"
	}
	return ""
}

// exitCode matches containers that ended by themselves with this code.
func exitCode(n int32) func(*Report) string {
	return func(r *Report) string {
		for _, t := range r.Tasks {
			if t.StopCode == "ServiceSchedulerInitiated" || t.StopCode == "UserInitiated" {
				continue // it was told to end
			}
			for _, c := range t.Containers {
				if c.ExitCode != nil && *c.ExitCode == n {
					return c.Name
				}
			}
		}
		return ""
	}
}

// noConnection is what the load balancer says of a target that it cannot connect to.
var noConnection = regex.New(`\(port (\d+)\) is unhealthy .*Health checks failed$`)

// refused is the port on which nothing accepted the health check's connection.
func refused(r *Report) string {
	for _, t := range r.Targets {
		if t.Description == "Health checks failed" {
			return t.Address[strings.LastIndexByte(t.Address, ':')+1:]
		}
	}
	for _, e := range r.Service {
		if m := noConnection.FindStringSubmatch(strings.TrimRight(e, ").")); m != nil {
			return m[1]
		}
	}
	return ""
}

func unhealthyContainer(r *Report) string {
	for _, t := range r.Tasks {
		for _, c := range t.Containers {
			if c.Health == "UNHEALTHY" {
				return c.Name
			}
		}
	}
	return ""
}
