package autopsy

import (
	"fmt"
	"regexp"
	"strings"
)

// rule is one known cause: when it matches the report, its fix is named.
type rule struct {
	match func(*Report) string // what it matched, "" for no match
	fix   string               // %s is what matched
}

// rules are tried in order; the most specific stand first.
var rules = []rule{
	{matcher(`ECS was unable to assume the role '([^']+)'`), "The role %s must exist in this account, and its trust policy must let ecs-tasks.amazonaws.com assume it."},
	{text(`does not have the permissions required to assume the role (\S+[^.\s])`), "The service role %s must exist in this account, and its trust policy must let codedeploy.amazonaws.com assume it."},
	{text(`is not authorized to perform: ([\w-]+:\w+)`), "A role lacks the permission %s; the message names the role and the resource. AmazonECSTaskExecutionRolePolicy has what most tasks need; secrets and log groups to be made need a policy of their own."},
	{text(`CannotPullContainerError[^\n]*`), "The image could not be pulled. Check that it was pushed to this registry under this tag, and that the execution role may read it."},
	{text(`(?i)exec format error|built for [a-z0-9/]+`), "The image is built for another CPU architecture than the task runs on (%s). Build with --platform, or set runtimePlatform in the task definition."},
	{text(`CannotStartContainerError[^\n]*`), "The container could not be started: check entryPoint and command against what is in the image."},
	{text(`ResourceInitializationError[^\n]*`), "A secret, a log group or a network resource could not be had before the start. Check the execution role and that each of them exists."},
	{text(`OutOfMemory[^\n]*`), "A container needed more memory than its limit: raise \"memory\" of the container and of the task."},
	{text(`(?i)address already in use`), "Two containers of the task want one port: give each its own."},
	{exitCode(127), "Exit code 127: the command was not found in the image."},
	{exitCode(137), "Exit code 137: killed, by the memory limit or because it did not stop within stopTimeout."},
	{exitCode(139), "Exit code 139: the program crashed with a segmentation fault."},
	{text(`did not have a container port \d+ defined`), "The appspec's ContainerPort is not in the container's portMappings."},
	{text(`does not exist in the task definition`), "The appspec's ContainerName is not a container of the task definition."},
	{text(`must be behind listener`), "The listener (or one of its rules) does not forward to the target group of the running task set. Point it there, then deploy again."},
	{text(`not a well-formed yaml`), "The appspec cannot be parsed: check its syntax."},
	{text(`IAM role [^ ]+ does not give you permission`), "The deployment group's service role lacks permissions: attach AWSCodeDeployRoleForECS to it. For AmazonECS that includes iam:PassRole for the roles that the task definition names."},
	{matcher(`\[404\]`), "The health check path answers 404: the service has no such path. Set the target group's health check path to one that answers 200."},
	{matcher(`\[(5\d\d)\]`), "The service answers its health check with an error (%s): see its log above."},
	{matcher(`\[(30\d)\]`), "The health check is redirected (%s): check a path that answers 200 itself, or widen the matcher."},
	{matcher(`(?i)timed out`), "The health check had no answer in time: does the service listen on 0.0.0.0 and on the appspec's ContainerPort, and is the security group open?"},
	{matcher(`Health checks failed$`), "Nothing accepted the health check's connection: does the service listen on 0.0.0.0 and on the appspec's ContainerPort?"},
	{unhealthyContainer, "The container's own health check (healthCheck in the task definition) fails: %s."},
	{text(`Essential container in task exited`), "An essential container ended: a service must keep running. See its exit code and log above."},
	{text(`One or more alarms have been activated[^\n]*`), "An alarm of the deployment group fired: %s"},
	{text(`lifecycle event validation functions failed`), "A hook function reported Failed: see its own log."},
}

// fixes names the likely causes, at most two.
func fixes(r *Report) []string {
	var out []string
	for _, k := range rules {
		if m := k.match(r); m != "" && len(out) < 2 {
			fix := k.fix
			if strings.Contains(fix, "%s") {
				fix = fmt.Sprintf(fix, m)
			}
			out = append(out, fix)
		}
	}
	return out
}

// text matches anywhere in what was said about the deployment and its tasks.
func text(pattern string) func(*Report) string {
	re := regexp.MustCompile(pattern)
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
	re := regexp.MustCompile(pattern)
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

func first(re *regexp.Regexp, all []string) string {
	for _, s := range all {
		if m := re.FindStringSubmatch(s); m != nil {
			return m[len(m)-1]
		}
	}
	return ""
}

func exitCode(n int32) func(*Report) string {
	return func(r *Report) string {
		for _, t := range r.Tasks {
			for _, c := range t.Containers {
				if c.ExitCode != nil && *c.ExitCode == n {
					return c.Name
				}
			}
		}
		return ""
	}
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
