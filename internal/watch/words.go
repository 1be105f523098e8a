package watch

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/internal/regex"
)

// ECS's messages name everything in full: "(service web, taskSet ecs-svc/8046…) has
// started 1 tasks: (task b70d…)". These are what is in them.
var (
	ofTaskSet    = regex.New(`^\(service [^,()]+(?:, taskSet ([^)]+))?\) `)
	ofDeployment = regex.New(`^\(deployment ([^)]+)\) `)
	taskNamed    = regex.New(`\(task ([0-9a-f]{8})[0-9a-f]*\)`)
	targetNamed  = regex.New(`\(target-group arn:[^)]*:targetgroup/([^/)]+)[^)]*\)`)
	onlyOne      = regex.New(`\b1 ((?:running )?(?:task|target))s\b`)
)

// plain says a message of ECS in few words, and of which task set or deployment it is.
func plain(message string) (of, text string) {
	for _, re := range []*regex.Lazy{ofTaskSet, ofDeployment} {
		if m := re.FindStringSubmatch(message); m != nil {
			message = message[len(m[0]):]
			if m[1] != "" {
				of = m[1]
			}
		}
	}
	message = strings.ReplaceAll(message, ") (task ", "), (task ")
	message = taskNamed.ReplaceAllString(message, "$1")
	message = targetNamed.ReplaceAllString(message, "target group $1")
	message = onlyOne.ReplaceAllString(message, "1 $1")
	return of, strings.TrimSuffix(message, ".")
}

// Plain says a message of ECS, or a part of one, in few words.
func Plain(message string) string {
	_, text := plain(message)
	return text
}

// count says how many tasks of a side run.
func count(running, desired int64) string {
	switch {
	case desired == 0 && running == 0:
		return "no task runs"
	case desired == 0:
		return fmt.Sprintf("its last %s", are(running, "is ending", "are ending"))
	case running > desired:
		return fmt.Sprintf("%d tasks run, %d more than it should", running, running-desired)
	}
	return fmt.Sprintf("%d of %d tasks run", running, desired)
}

func are(n int64, one, more string) string {
	if n == 1 {
		return "task " + one
	}
	return fmt.Sprintf("%d tasks %s", n, more)
}

// health says in one line how the load balancer finds a side's targets: how many are
// healthy, and what is wrong with the others.
func health(targets []elbtypes.TargetHealthDescription) string {
	if len(targets) == 0 {
		return ""
	}
	healthy := 0
	var others []string
	for _, t := range targets {
		if t.TargetHealth.State == elbtypes.TargetHealthStateEnumHealthy {
			healthy++
			continue
		}
		s := fmt.Sprintf("%s:%d is %s", aws.ToString(t.Target.Id), aws.ToInt32(t.Target.Port), t.TargetHealth.State)
		if d := aws.ToString(t.TargetHealth.Description); d != "" && t.TargetHealth.State == elbtypes.TargetHealthStateEnumUnhealthy {
			s += " (" + d + ")"
		}
		others = append(others, s)
	}
	s := fmt.Sprintf("the load balancer finds %d of %d targets healthy", healthy, len(targets))
	if len(others) > 0 {
		s += "; " + strings.Join(others, ", ")
	}
	return s
}
