//go:generate go run ./generate

package action

import (
	"fmt"
	"strings"
)

// Field is an input or output of an action.
type Field struct {
	Name     string
	Required bool
	Default  string
	Help     string // one line, for action.yml and --help
}

// Lines are fields as help shows them: the name, and beside it what it is for.
func Lines(fields []Field) string {
	var b strings.Builder
	for _, f := range fields {
		name := f.Name
		if f.Required {
			name += " (required)"
		}
		for _, line := range fold(f.Help, 60) {
			fmt.Fprintf(&b, "  %-38s %s\n", name, line)
			name = ""
		}
	}
	return b.String()
}

// fold breaks a text into lines of at most width columns, where its words allow.
func fold(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// Contract is what an entry point takes and gives: the same as the official action, and
// no less.
type Contract struct {
	Name, Official, Short string
	Inputs, Outputs       []Field
}

// Contracts are the entry points that stand in for official actions. The files
// actions/NAME/action.yml are written from them.
var Contracts = []Contract{
	{
		Name: "login", Official: "aws-actions/amazon-ecr-login", Short: "Log docker in to Amazon ECR",
		Inputs: []Field{
			{Name: "registries", Help: "Account ids of the registries, with commas between them; by default the caller's own"},
			{Name: "registry-type", Default: "private", Help: "private or public"},
			{Name: "mask-password", Default: "true", Help: "Whether the password is masked in logs; \"false\" lets it pass between jobs"},
			{Name: "skip-logout", Default: "false", Help: "Whether the registries are left out of what `turnout action logout` logs out of"},
			{Name: "http-proxy", Help: "Proxy for the calls to AWS"},
		},
		Outputs: []Field{{Name: "registry", Help: "The registry, when there is one"}},
	},
	{
		Name: "render", Official: "aws-actions/amazon-ecs-render-task-definition", Short: "Put an image into a task definition",
		Inputs: []Field{
			{Name: "task-definition", Help: "File of the task definition, JSON or YAML"},
			{Name: "task-definition-arn", Help: "Or: ARN of a revision"},
			{Name: "task-definition-family", Help: "Or: family, for its newest revision"},
			{Name: "task-definition-revision", Help: "Revision of the family"},
			{Name: "container-name", Required: true, Help: "Container, or several with commas between them"},
			{Name: "image", Required: true, Help: "Image for all containers, or one each, with commas or on lines of their own"},
			{Name: "environment-variables", Help: "NAME=value, one a line, to set or to add"},
			{Name: "secrets", Help: "NAME=ARN, one a line, to set or to add"},
			{Name: "env-files", Help: "ARNs of environment files in S3, one a line, instead of those there are"},
			{Name: "docker-labels", Help: "name=value, one a line, to set or to add"},
			{Name: "log-configuration-log-driver", Help: "Log driver"},
			{Name: "log-configuration-options", Help: "name=value, one a line, to set or to add"},
			{Name: "command", Help: "Command; quotes hold words together, or a JSON list"},
			{Name: "task-role-arn", Help: "ARN of the role that the task's own calls are made with"},
			{Name: "execution-role-arn", Help: "ARN of the role that starts the task"},
		},
		Outputs: []Field{{Name: "task-definition", Help: "File with the rendered task definition"}},
	},
	{
		Name: "deploy", Official: "aws-actions/amazon-ecs-deploy-task-definition", Short: "Register a task definition and deploy it to a service",
		Inputs: []Field{
			{Name: "task-definition", Required: true, Help: "File of the task definition, JSON or YAML"},
			{Name: "service", Help: "Service to deploy to; without one the definition is registered only"},
			{Name: "cluster", Help: "Cluster of the service; \"default\" by default"},
			{Name: "desired-count", Help: "Number of tasks, for rolling services"},
			{Name: "force-new-deployment", Help: "\"true\" replaces the tasks of a rolling service even if nothing has changed"},
			{Name: "max-retries", Help: "Attempts for each call to AWS"},
			{Name: "wait-for-service-stability", Help: "\"true\" waits for the end of the deployment"},
			{Name: "wait-for-minutes", Help: "Longest wait beyond the deployment group's own waits: 30 by default, 360 at most"},
			{Name: "wait-max-delay-seconds", Help: "Longest pause between two looks"},
			{Name: "wait-until", Help: "How far to wait: shifted, stable or done (the default). Ours alone"},
			{Name: "on-cancel", Help: "When the job is cancelled while it waits: leave (the default), stop or rollback, for CodeDeploy. Ours alone"},
			{Name: "codedeploy-appspec", Help: "AppSpec file; appspec.yaml by default"},
			{Name: "codedeploy-application", Help: "CodeDeploy application; AppECS-CLUSTER-SERVICE by default"},
			{Name: "codedeploy-deployment-group", Help: "Deployment group; DgpECS-CLUSTER-SERVICE by default"},
			{Name: "codedeploy-deployment-description", Help: "Description of the deployment, cut to 512 characters"},
			{Name: "codedeploy-deployment-config", Help: "Deployment configuration; the group's by default"},
			{Name: "enable-ecs-managed-tags", Help: "Whether ECS tags the tasks with cluster and service"},
			{Name: "propagate-tags", Help: "Whose tags the tasks get: SERVICE, TASK_DEFINITION or NONE"},
			{Name: "keep-null-value-keys", Help: "Keys, with commas between them, whose values are sent even when they are empty"},
			{Name: "service-managed-ebs-volume-name", Help: "Volume that ECS manages for the service's tasks"},
			{Name: "service-managed-ebs-volume", Help: "Its settings, as the ECS API has them, in JSON"},
			{Name: "run-task", Help: "\"true\" runs a task of the new revision before the service is updated"},
			{Name: "run-task-container-overrides", Help: "Overrides for its containers, as the ECS API has them, in JSON"},
			{Name: "run-task-security-groups", Help: "Its security groups, with commas between them"},
			{Name: "run-task-subnets", Help: "Its subnets, with commas between them"},
			{Name: "run-task-assign-public-IP", Help: "ENABLED or DISABLED (the default)"},
			{Name: "run-task-capacity-provider-strategy", Help: "Its capacity providers, as the ECS API has them, in JSON"},
			{Name: "run-task-launch-type", Help: "FARGATE (the default), EC2, EXTERNAL or MANAGED_INSTANCES"},
			{Name: "run-task-started-by", Help: "Who started it; GitHub-Actions by default"},
			{Name: "run-task-tags", Help: "Its tags, as the ECS API has them, in JSON"},
			{Name: "run-task-managed-ebs-volume-name", Help: "Volume that ECS manages for it"},
			{Name: "run-task-managed-ebs-volume", Help: "Its settings, as the ECS API has them, in JSON"},
			{Name: "wait-for-task-stopped", Help: "\"true\" waits for its end, and fails if a container fails"},
		},
		Outputs: []Field{
			{Name: "task-definition-arn", Help: "ARN of the registered revision"},
			{Name: "codedeploy-deployment-id", Help: "The deployment, when CodeDeploy deploys"},
			{Name: "run-task-arn", Help: "ARNs of the tasks that run-task started, as a JSON list"},
		},
	},
	{
		Name: "credentials", Official: "aws-actions/configure-aws-credentials", Short: "Give later steps AWS credentials, by OIDC or keys",
		Inputs: []Field{
			{Name: "aws-region", Required: true, Help: "Region"},
			{Name: "aws-profile", Help: "Refused: credentials are never written to disk"},
			{Name: "role-to-assume", Help: "ARN of the role to assume (its name, with keys)"},
			{Name: "aws-access-key-id", Help: "Access key"},
			{Name: "aws-secret-access-key", Help: "Its secret"},
			{Name: "aws-session-token", Help: "Its session token"},
			{Name: "web-identity-token-file", Help: "File of an identity token, instead of the job's own"},
			{Name: "role-chaining", Help: "\"true\" assumes the role with the credentials that are there"},
			{Name: "audience", Default: "sts.amazonaws.com", Help: "Audience of the identity token"},
			{Name: "http-proxy", Help: "Proxy for the calls to AWS"},
			{Name: "no-proxy", Help: "Hosts that are called without it, with commas between them"},
			{Name: "mask-aws-account-id", Help: "\"true\" masks the account id"},
			{Name: "role-duration-seconds", Help: "Life of the session; 3600 by default"},
			{Name: "role-external-id", Help: "External id of the role"},
			{Name: "role-session-name", Help: "Name of the session; GitHubActions by default"},
			{Name: "role-skip-session-tagging", Help: "\"true\" leaves the session without tags"},
			{Name: "transitive-tag-keys", Help: "Keys of tags that later sessions inherit, one a line"},
			{Name: "inline-session-policy", Help: "Policy that narrows the session"},
			{Name: "managed-session-policies", Help: "ARNs of policies that narrow the session, one a line"},
			{Name: "output-credentials", Help: "\"true\" makes the credentials outputs of the step"},
			{Name: "output-env-credentials", Help: "\"false\" keeps them out of the later steps' environment"},
			{Name: "unset-current-credentials", Help: "\"true\" takes away those that are there first"},
			{Name: "disable-retry", Help: "\"true\" tries once"},
			{Name: "retry-max-attempts", Help: "Attempts; 12 by default"},
			{Name: "special-characters-workaround", Help: "\"true\" tries until the secret has letters and digits only"},
			{Name: "use-existing-credentials", Help: "\"true\" keeps credentials that are there and valid"},
			{Name: "allowed-account-ids", Help: "Accounts that the credentials may be of, with commas between them"},
			{Name: "force-skip-oidc", Help: "\"true\" never uses the job's identity token"},
			{Name: "action-timeout-s", Help: "Seconds after which the step gives up"},
			{Name: "custom-tags", Help: "Further tags of the session, as a JSON object"},
			{Name: "sts-endpoint", Help: "URL of another STS"},
		},
		Outputs: []Field{
			{Name: "aws-account-id", Help: "Account of the credentials"},
			{Name: "authenticated-arn", Help: "Who they are"},
			{Name: "aws-access-key-id", Help: "Access key, with output-credentials"},
			{Name: "aws-secret-access-key", Help: "Its secret, with output-credentials"},
			{Name: "aws-session-token", Help: "Its session token, with output-credentials"},
			{Name: "aws-expiration", Help: "When it ends, with output-credentials"},
		},
	},
}
