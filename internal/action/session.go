package action

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/regex"
)

var (
	regionName  = regex.New(`^[a-z0-9-]+$`)
	sessionName = regex.New(`^[\w+=,.@-]{2,64}$`)
)

// input is an input or, as the official action has it, the variable of the same name.
func (a *assume) input(name string) string {
	if v := a.Input(name); v != "" {
		return v
	}
	switch name {
	case "aws-access-key-id", "aws-secret-access-key", "aws-session-token", "http-proxy", "no-proxy":
		return "" // these variables mean something else
	}
	return strings.TrimSpace(a.Env(strings.ToUpper(strings.ReplaceAll(name, "-", "_"))))
}

// inputs reads all inputs and refuses wrong ones before any call.
func (a *assume) inputs() (err error) {
	flag := func(to *bool, name string, otherwise bool) {
		if err != nil {
			return
		}
		switch v := a.input(name); strings.ToLower(v) {
		case "":
			*to = otherwise
		case "true", "false":
			*to = strings.EqualFold(v, "true")
		default:
			err = fault.New(fault.Usage, "\"true\" or \"false\"", "the input %q is %q", name, v)
		}
	}
	number := func(to *int, name string, otherwise int) {
		if err == nil {
			if *to, err = a.seconds(name); *to == 0 {
				*to = otherwise
			}
		}
	}
	a.region, a.role = a.input("aws-region"), a.input("role-to-assume")
	a.session = orElse(a.input("role-session-name"), "GitHubActions")
	a.keys = aws.Credentials{AccessKeyID: a.input("aws-access-key-id"), SecretAccessKey: a.input("aws-secret-access-key"), SessionToken: a.input("aws-session-token")}
	a.tokenFile, a.audience = a.input("web-identity-token-file"), orElse(a.input("audience"), "sts.amazonaws.com")
	a.externalID, a.policy, a.endpoint = a.input("role-external-id"), a.input("inline-session-policy"), a.input("sts-endpoint")
	a.policies, a.allowed = lines(a.input("managed-session-policies")), list(a.input("allowed-account-ids"))
	flag(&a.chaining, "role-chaining", false)
	flag(&a.skipOIDC, "force-skip-oidc", false)
	flag(&a.existing, "use-existing-credentials", false)
	flag(&a.unset, "unset-current-credentials", false)
	flag(&a.toEnv, "output-env-credentials", true)
	flag(&a.toOutputs, "output-credentials", false)
	flag(&a.mask, "mask-aws-account-id", false)
	flag(&a.noRetry, "disable-retry", false)
	flag(&a.plain, "special-characters-workaround", false)
	number(&a.attempts, "retry-max-attempts", 12)
	number(&a.duration, "role-duration-seconds", 3600)
	number(&a.timeout, "action-timeout-s", 0)
	if err != nil {
		return err
	}
	if err := a.check(); err != nil {
		return err
	}
	return a.sessionTags()
}

func (a *assume) check() error {
	a.Mask(a.keys.SecretAccessKey) // before any message
	a.Mask(a.keys.SessionToken)
	usage := func(hint, format string, args ...any) error { return fault.New(fault.Usage, hint, format, args...) }
	switch {
	case a.region == "":
		return usage("give it under `with:`", "the input \"aws-region\" is missing")
	case !regionName.MatchString(a.region):
		return usage("such as eu-west-1", "the input \"aws-region\" is %q", a.region)
	case !sessionName.MatchString(a.session):
		return usage("2 to 64 letters, digits and _+=,.@-", "the input \"role-session-name\" is %q", a.session)
	case a.Input("aws-profile") != "":
		return usage("leave it out: later steps read the credentials from their environment", "aws-profile would write credentials to disk")
	case (a.keys.AccessKeyID == "") != (a.keys.SecretAccessKey == ""):
		return usage("give both, or neither", "aws-access-key-id and aws-secret-access-key belong together")
	case a.skipOIDC && a.role != "" && a.keys.AccessKeyID == "" && a.tokenFile == "":
		return usage("give aws-access-key-id or web-identity-token-file", "force-skip-oidc leaves no way to assume %s", a.role)
	case a.duration > 43200:
		return usage("900 to 43200, and at most what the role allows", "role-duration-seconds is %d", a.duration)
	}
	return nil
}

func (a *assume) connect(ctx context.Context) error {
	c, err := a.Connect(ctx, a.region)
	if err != nil {
		return err
	}
	a.cfg = c.Config()
	if a.endpoint != "" {
		a.cfg.BaseEndpoint = &a.endpoint
	}
	return useProxy(&a.cfg, a.input("http-proxy"), a.input("no-proxy"))
}

// identifying is how many tags always go with a session; the rest are details, which go
// if the session's policy has room.
const identifying = 7

var tagVariables = []struct{ key, variable string }{
	{"Repository", "GITHUB_REPOSITORY"}, {"Workflow", "GITHUB_WORKFLOW"}, {"Action", "GITHUB_ACTION"},
	{"Actor", "GITHUB_ACTOR"}, {"Commit", "GITHUB_SHA"}, {"Branch", "GITHUB_REF"},
	{"EventName", "GITHUB_EVENT_NAME"}, {"BaseRef", "GITHUB_BASE_REF"}, {"HeadRef", "GITHUB_HEAD_REF"},
	{"RunId", "GITHUB_RUN_ID"}, {"Job", "GITHUB_JOB"}, {"TriggeringActor", "GITHUB_TRIGGERING_ACTOR"},
}

var notInTag = regex.New(`[^\p{L}\p{Z}\p{N}_.:/=+\-@]`)

// sessionTags makes the tags of a session that keys assume: the job's facts, and
// custom-tags. Sessions by identity token carry the issuer's own claims instead.
func (a *assume) sessionTags() error {
	if skip := a.input("role-skip-session-tagging"); strings.EqualFold(skip, "true") {
		return nil
	}
	a.tags = []types.Tag{{Key: aws.String("GitHub"), Value: aws.String("Actions")}}
	for _, t := range tagVariables {
		if v := []rune(notInTag.ReplaceAllString(a.Env(t.variable), "_")); len(v) > 0 {
			a.tags = append(a.tags, types.Tag{Key: aws.String(t.key), Value: aws.String(string(v[:min(len(v), 256)]))})
		}
	}
	if s := a.input("custom-tags"); s != "" {
		var custom map[string]any
		if err := json.Unmarshal([]byte(s), &custom); err != nil {
			return fault.New(fault.Usage, "a JSON object of strings", "the input \"custom-tags\": %w", err)
		}
		for key, value := range custom {
			if slices.ContainsFunc(a.tags, func(t types.Tag) bool { return *t.Key == key }) {
				return fault.New(fault.Usage, "take another key", "custom-tags: %q is set already", key)
			}
			switch value.(type) {
			case map[string]any, []any, nil:
				return fault.New(fault.Usage, "a string, a number, true or false", "custom-tags: the value of %q", key)
			}
			a.tags = append(a.tags, types.Tag{Key: aws.String(key), Value: aws.String(fmt.Sprint(value))})
		}
	}
	for _, key := range lines(a.input("transitive-tag-keys")) {
		if slices.ContainsFunc(a.tags, func(t types.Tag) bool { return *t.Key == key }) {
			a.transitive = append(a.transitive, key)
		}
	}
	return nil
}

// withoutDetails leaves the tags out that a session can do without.
func withoutDetails(tags []types.Tag) []types.Tag {
	return slices.DeleteFunc(slices.Clone(tags), func(t types.Tag) bool {
		return slices.ContainsFunc(tagVariables[identifying-1:], func(v struct{ key, variable string }) bool { return v.key == *t.Key })
	})
}

// hopeless are STS's errors that no further attempt mends.
var hopeless = []string{"ValidationError", "MalformedPolicyDocument", "PackedPolicyTooLarge", "RegionDisabledException", "InvalidClientTokenId", "SignatureDoesNotMatch"}

// longestPause bounds the pauses, which double.
const longestPause = 8 * time.Second

// retry tries again, as often as the inputs allow.
func (a *assume) retry(ctx context.Context, what string, try func() error) error {
	for n := 1; ; n++ {
		err := try()
		var api smithy.APIError
		var own *fault.Error
		switch {
		case err == nil:
			return nil
		case a.noRetry || n >= a.attempts || ctx.Err() != nil, errors.Is(err, awsclient.ErrNoIdentity):
			return fmt.Errorf("%s: %w", what, err)
		case errors.As(err, &api) && slices.Contains(hopeless, api.ErrorCode()), errors.As(err, &own) && own.Code == fault.Usage:
			return fmt.Errorf("%s: %w", what, err)
		}
		wait := min(time.Duration(rand.Int64N(int64(50*time.Millisecond)<<min(n-1, 20))), longestPause) //nolint:gosec // jitter is no secret
		a.Info("%s: attempt %d of %d: %v; again in %s", what, n, a.attempts, err, wait.Round(time.Millisecond))
		if err := pause(ctx, wait); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
}
