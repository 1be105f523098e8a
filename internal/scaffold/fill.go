package scaffold

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/turnoutdev/turnout/internal/regex"
)

// Places of a template stand between << and >>, since workflows have braces of their own.
// They are filled by name alone: text/template calls methods by name, for which the linker
// would have to keep every method of every AWS client, a quarter of the program.
var place = regex.New(`<<[a-z_]+>>`)

// fill fills in one template.
func (p *Project) fill(name string) ([]byte, error) {
	src, err := files.ReadFile("files/" + name + ".tmpl")
	if err != nil {
		return nil, err
	}
	write := fmt.Sprint
	if strings.HasSuffix(name, ".tfvars") {
		src, write = align(src), literal
	}
	values := p.values()
	out := place.ReplaceAllStringFunc(string(src), func(at string) string {
		v, ok := values[strings.Trim(at, "<>")]
		if !ok {
			err = fmt.Errorf("%s: nothing is known of %s", name, at)
		}
		return write(v)
	})
	return []byte(out), err
}

// values are what templates are filled with: strings, numbers, bools and lists of strings.
func (p *Project) values() map[string]any {
	c, i := p.Config, &p.Config.Infrastructure
	return map[string]any{
		"account": p.Account, "region": c.Region, "version": p.Version,
		"vpc": p.Network.VPC, "public_subnets": p.Network.Public, "subnets": p.Network.Private, "public_ip": p.Network.PublicIP,

		"cluster": c.Cluster, "service": c.Service, "container": p.Container, "container_port": p.Port,
		"family": p.Family, "task_definition_file": "../" + c.TaskDef, "repository": c.Image.Repository,
		"desired_count": i.DesiredCount, "launch_type": i.LaunchType, "health_grace": seconds(i.HealthGrace),
		"log_group": p.LogGroup, "secrets": p.Secrets,

		"load_balancer": i.LoadBalancer.Name, "port": i.LoadBalancer.Port, "test_port": i.LoadBalancer.TestPort,
		"certificate": p.Certificate, "target_groups": i.TargetGroups, "deregistration_delay": seconds(i.DeregistrationDelay),
		"health_path": i.Health.Path, "health_interval": seconds(i.Health.Interval), "health_timeout": seconds(i.Health.Timeout),
		"health_healthy": i.Health.Healthy, "health_unhealthy": i.Health.Unhealthy, "health_matcher": i.Health.Matcher,

		"application": c.CodeDeploy.Application, "deployment_group": c.CodeDeploy.Group, "deployment_config": i.DeploymentConfig,
		"rollback_events": i.Rollback, "ready_wait": minutes(i.ReadyWait), "termination_wait": minutes(i.TerminationWait),

		"execution_role": i.Roles.Execution, "task_role": i.Roles.Task, "codedeploy_role": i.Roles.CodeDeploy,
		"role": p.Role, "branch": p.Branch,
		"github_repository": p.GitHub, "github_subjects": []string{"ref:refs/heads/" + p.Branch},
	}
}

// literal is a value in Terraform's language.
func literal(a ...any) string {
	switch v := a[0].(type) {
	case string:
		return quote(v)
	case []string:
		return list(v)
	default:
		return fmt.Sprint(v)
	}
}

func seconds(d time.Duration) int { return int(d / time.Second) }
func minutes(d time.Duration) int { return int(d / time.Minute) }

// quote is a string in Terraform's language.
func quote(s string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(s))
}

// list is a list of strings in Terraform's language.
func list(items []string) string {
	out := make([]string, len(items))
	for i, s := range items {
		out[i] = quote(s)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// align brings the equals signs of neighbouring lines below each other, as terraform fmt
// has them.
func align(src []byte) []byte {
	lines := strings.Split(string(src), "\n")
	for i := 0; i < len(lines); {
		end, width := i, 0
		for ; end < len(lines) && assignment(lines[end]) > 0; end++ {
			width = max(width, assignment(lines[end]))
		}
		for ; i < end; i++ {
			n := assignment(lines[i])
			lines[i] = lines[i][:n] + strings.Repeat(" ", width-n) + lines[i][n:]
		}
		i++
	}
	return []byte(strings.Join(lines, "\n"))
}

// assignment is the length of the name that a line assigns to, 0 if it does not.
func assignment(line string) int {
	n := strings.Index(line, " = ")
	if n < 0 || strings.HasPrefix(line, "#") || strings.HasSuffix(line, "{") {
		return 0
	}
	return n
}
