package action

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/regex"
)

// assume is one run of Credentials.
type assume struct {
	*Job
	region, role, session        string
	keys                         aws.Credentials // given as inputs
	tokenFile, audience          string
	chaining, skipOIDC           bool
	existing, unset              bool
	toEnv, toOutputs, mask       bool
	noRetry, plain               bool
	attempts, duration, timeout  int
	externalID, policy, endpoint string
	policies, allowed            []string
	tags                         []types.Tag
	transitive                   []string

	cfg     aws.Config
	account string // of the keys that assume the role
}

// Credentials gives the job's later steps AWS credentials, as configure-aws-credentials
// does: those of a role, by the runner's identity token (OIDC), a token file, keys or the
// keys that are there already; or the keys given. They go into GITHUB_ENV, masked before;
// no file of credentials is written, so aws-profile is refused.
//
// An identity token is asked for anew on every attempt, since it lives for minutes only.
// What no further attempt mends is not tried again.
func Credentials(ctx context.Context, j *Job) error {
	a := &assume{Job: j}
	if err := a.inputs(); err != nil {
		return err
	}
	if a.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(a.timeout)*time.Second)
		defer cancel()
	}
	if a.unset && a.toEnv {
		for _, name := range exported {
			if err := a.Export(name, ""); err != nil {
				return err
			}
		}
	}
	if a.toEnv {
		if err := errors.Join(a.Export("AWS_DEFAULT_REGION", a.region), a.Export("AWS_REGION", a.region)); err != nil {
			return err
		}
	}
	if err := a.connect(ctx); err != nil {
		return err
	}
	if a.existing {
		if id, err := a.identity(ctx, a.cfg); err == nil {
			a.Info("the credentials that are there are valid, for account %s; no others are made", aws.ToString(id.Account))
			return nil
		}
		a.Info("no valid credentials are there")
	}
	return a.run(ctx)
}

// exported are the variables that later steps read.
var exported = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"}

// run takes the way that the inputs ask for.
func (a *assume) run(ctx context.Context) error {
	oidc := a.role != "" && a.keys.AccessKeyID == "" && a.tokenFile == "" && !a.chaining && !a.skipOIDC
	if oidc && a.Env(awsclient.TokenBearer) == "" {
		a.Info("The job has no identity token: for OIDC it needs `permissions: id-token: write`. Going on with the credentials that are there.")
		oidc = false
	}
	if a.keys.AccessKeyID != "" {
		if err := a.export(a.keys); err != nil {
			return err
		}
		a.cfg.Credentials = credentials.StaticCredentialsProvider{Value: a.keys}
	}
	if a.role != "" && (oidc || a.tokenFile != "") {
		return a.take(ctx, a.byToken(oidc))
	}
	id, err := a.valid(ctx, a.cfg)
	if err != nil {
		return fault.New(fault.Failed, "give role-to-assume with `permissions: id-token: write`, or keys", "no credentials could be loaded: %w", err)
	}
	a.account = aws.ToString(id.Account)
	if a.role == "" {
		return a.told(id)
	}
	return a.take(ctx, a.byKeys)
}

// take assumes the role, hands its credentials on and proves them.
func (a *assume) take(ctx context.Context, call func(context.Context) (*types.Credentials, error)) error {
	if !strings.HasPrefix(a.role, "arn:") {
		if a.account == "" {
			return fault.New(fault.Usage, "give the whole ARN", "role-to-assume %q names no account", a.role)
		}
		a.role = "arn:" + partition(a.region) + ":iam::" + a.account + ":role/" + a.role
	}
	var got *types.Credentials
	for {
		err := a.retry(ctx, "assume "+a.role, func() (err error) { got, err = call(ctx); return err })
		if err != nil {
			return err
		}
		if !a.plain || !special.MatchString(aws.ToString(got.SecretAccessKey)) {
			break
		}
	}
	keys := aws.Credentials{
		AccessKeyID: aws.ToString(got.AccessKeyId), SecretAccessKey: aws.ToString(got.SecretAccessKey),
		SessionToken: aws.ToString(got.SessionToken), Expires: aws.ToTime(got.Expiration), CanExpire: true,
	}
	if err := a.export(keys); err != nil {
		return err
	}
	cfg := a.cfg.Copy()
	cfg.Credentials = credentials.StaticCredentialsProvider{Value: keys}
	id, err := a.valid(ctx, cfg)
	if err != nil {
		return fmt.Errorf("the role's credentials do not work: %w", err)
	}
	return a.told(id)
}

var special = regex.New(`[^A-Za-z0-9]`)

// byToken assumes the role by an identity token: the runner's, or one in a file.
func (a *assume) byToken(oidc bool) func(context.Context) (*types.Credentials, error) {
	return func(ctx context.Context) (*types.Credentials, error) {
		token, err := a.token(ctx, oidc)
		if err != nil {
			return nil, err
		}
		a.Mask(token)
		out, err := sts.NewFromConfig(a.cfg).AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: &a.role, RoleSessionName: &a.session, WebIdentityToken: &token, DurationSeconds: aws.Int32(int32(a.duration)),
			Policy: optional(a.policy), PolicyArns: a.policyARNs(),
		})
		if err != nil {
			return nil, &fault.Error{Code: fault.Failed, Hint: trust(token), Err: err}
		}
		return out.Credentials, nil
	}
}

func (a *assume) token(ctx context.Context, oidc bool) (string, error) {
	if oidc {
		return awsclient.GitHubToken(ctx, a.Env, a.audience)
	}
	b, err := os.ReadFile(a.path(a.tokenFile))
	if err != nil {
		return "", fault.New(fault.Usage, "paths start at the workspace", "web-identity-token-file: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// trust says what the role's trust policy has to let in.
func trust(token string) string {
	c, ok := awsclient.ReadClaims(token)
	if !ok {
		return "the token is no JWT"
	}
	return fmt.Sprintf("the account needs the identity provider %s, and the role's trust policy must allow sts:AssumeRoleWithWebIdentity for sub %q and aud %q", c.Issuer, c.Subject, fmt.Sprint(c.Audience))
}

// byKeys assumes the role with keys, tagging the session with the job's facts.
func (a *assume) byKeys(ctx context.Context) (*types.Credentials, error) {
	in := &sts.AssumeRoleInput{
		RoleArn: &a.role, RoleSessionName: &a.session, DurationSeconds: aws.Int32(int32(a.duration)), ExternalId: optional(a.externalID),
		Policy: optional(a.policy), PolicyArns: a.policyARNs(), Tags: a.tags, TransitiveTagKeys: a.transitive,
	}
	client := sts.NewFromConfig(a.cfg)
	out, err := client.AssumeRole(ctx, in)
	var large *types.PackedPolicyTooLargeException
	if errors.As(err, &large) && len(a.tags) > identifying {
		in.Tags = withoutDetails(a.tags)
		out, err = client.AssumeRole(ctx, in)
	}
	if err != nil {
		return nil, err
	}
	return out.Credentials, nil
}

func (a *assume) policyARNs() []types.PolicyDescriptorType {
	var out []types.PolicyDescriptorType
	for _, p := range a.policies {
		out = append(out, types.PolicyDescriptorType{Arn: &p})
	}
	return out
}

func (a *assume) identity(ctx context.Context, cfg aws.Config) (*sts.GetCallerIdentityOutput, error) {
	return sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
}

func (a *assume) valid(ctx context.Context, cfg aws.Config) (id *sts.GetCallerIdentityOutput, err error) {
	err = a.retry(ctx, "ask who we are", func() (err error) { id, err = a.identity(ctx, cfg); return err })
	return id, err
}

// export masks credentials and hands them to later steps.
func (a *assume) export(c aws.Credentials) error {
	values := []struct{ variable, output, value string }{
		{"AWS_ACCESS_KEY_ID", "aws-access-key-id", c.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", "aws-secret-access-key", c.SecretAccessKey},
		{"AWS_SESSION_TOKEN", "aws-session-token", c.SessionToken},
	}
	for _, v := range values {
		a.Mask(v.value)
	}
	for _, v := range values {
		// An empty session token must take away that of an earlier step.
		if a.toEnv && (v.value != "" || a.Env(v.variable) != "") {
			if err := a.Export(v.variable, v.value); err != nil {
				return err
			}
		}
		if a.toOutputs && v.value != "" {
			if err := a.Output(v.output, v.value); err != nil {
				return err
			}
		}
	}
	if a.toOutputs && c.CanExpire {
		return a.Output("aws-expiration", c.Expires.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	return nil
}

// told checks the account and sets the outputs about it.
func (a *assume) told(id *sts.GetCallerIdentityOutput) error {
	account, arn := aws.ToString(id.Account), aws.ToString(id.Arn)
	if a.mask {
		a.Mask(account)
		a.Mask(arn)
	}
	if len(a.allowed) > 0 && !contains(a.allowed, account) {
		return fault.New(fault.Failed, "", "the credentials are for account %s; allowed-account-ids are %s", account, strings.Join(a.allowed, ", "))
	}
	a.Info("authenticated as %s", arn)
	return errors.Join(a.Output("aws-account-id", account), a.Output("authenticated-arn", arn))
}

func contains(all []string, s string) bool {
	for _, x := range all {
		if x == s {
			return true
		}
	}
	return false
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func partition(region string) string {
	for _, p := range []struct{ region, name string }{
		{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"us-isob-", "aws-iso-b"}, {"us-isof-", "aws-iso-f"}, {"us-iso-", "aws-iso"}, {"eu-isoe-", "aws-iso-e"}, {"eusc-", "aws-eusc"},
	} {
		if strings.HasPrefix(region, p.region) {
			return p.name
		}
	}
	return "aws"
}

// seconds reads a number of seconds; 0 when the input is not given.
func (a *assume) seconds(name string) (int, error) {
	s := a.input(name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 1<<30 {
		return 0, fault.New(fault.Usage, "a whole number", "the input %q is %q", name, s)
	}
	return n, nil
}
