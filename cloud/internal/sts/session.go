package sts

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/policy"
	"github.com/turnoutdev/turnout/internal/regex"
)

const (
	minSession      = 15 * time.Minute
	maxSession      = 12 * time.Hour
	defaultSession  = time.Hour
	maxPolicyLength = 2048
	maxTokenSize    = 4096
	maxPolicyARNs   = 10
	maxTags         = 50
)

// wish is what all the ways of assuming a role have in common.
type wish struct {
	roleARN, session string
	seconds          *int32
	policy           *string
	policyARNs       []types.PolicyDescriptorType
	tags             []types.Tag
	transitive       []string // keys of tags
	source           string   // identity
	federated        string   // provider's ARN
}

var sessionName = regex.New(`^[\w+=,.@-]{2,64}$`)

func (w wish) duration() time.Duration {
	if w.seconds == nil {
		return defaultSession
	}
	return time.Duration(*w.seconds) * time.Second
}

// check looks at the request by itself.
func (w wish) check() error {
	if a, ok := arn.Parse(w.roleARN); !ok || a.Service != "iam" || !strings.HasPrefix(a.Resource, "role/") {
		return validation("%s is invalid", w.roleARN)
	}
	if !sessionName.MatchString(w.session) {
		return validation("1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy constraint: "+
			"Member must satisfy regular expression pattern: [\\w+=,.@-]*", w.session)
	}
	if d := w.duration(); d < minSession || d > maxSession {
		bound, limit := "greater than or equal to", int(minSession.Seconds())
		if d > maxSession {
			bound, limit = "less than or equal to", int(maxSession.Seconds())
		}
		return validation("1 validation error detected: Value '%d' at 'durationSeconds' failed to satisfy constraint: "+
			"Member must have value %s %d", *w.seconds, bound, limit)
	}
	if len(w.policyARNs) > maxPolicyARNs {
		return validation("1 validation error detected: Value at 'policyArns' failed to satisfy constraint: "+
			"Member must have length less than or equal to %d", maxPolicyARNs)
	}
	return w.checkTags()
}

// checkTags holds session tags against STS's rules.
func (w wish) checkTags() error {
	if len(w.tags) > maxTags {
		return validation("1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to %d", maxTags)
	}
	seen := map[string]bool{}
	for _, t := range w.tags {
		key := strings.ToLower(aws.ToString(t.Key))
		switch {
		case seen[key]:
			return generic("InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		case strings.HasPrefix(key, "aws:"):
			return generic("InvalidParameterValue", "Tag keys beginning with 'aws:' are reserved for system use")
		}
		seen[key] = true
	}
	for _, k := range w.transitive {
		if !seen[strings.ToLower(k)] {
			return generic("InvalidParameterValue", "The transitive tag key %s is not among the session tags.", k)
		}
	}
	return nil
}

// role is what sts needs to know of one.
type role struct {
	arn, name, id string
	longest       time.Duration
	trust         *policy.Document
	tags          map[string]string
}

// role returns nil for a role that does not exist: callers are not told.
func (s *Service) role(ctx context.Context, roleARN string) (*role, error) {
	out, err := s.Directory.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(arn.Name(roleARN))})
	var none *iamtypes.NoSuchEntityException
	if errors.As(err, &none) || err == nil && aws.ToString(out.Role.Arn) != roleARN {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	doc, err := url.QueryUnescape(aws.ToString(out.Role.AssumeRolePolicyDocument))
	if err != nil {
		return nil, err
	}
	d, err := policy.Parse(policy.Trust, doc)
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	for _, t := range out.Role.Tags {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return &role{
		tags: tags,
		arn:  roleARN, name: *out.Role.RoleName, id: *out.Role.RoleId, trust: d,
		longest: time.Duration(aws.ToInt32(out.Role.MaxSessionDuration)) * time.Second,
	}, nil
}

// caller is who acts in a role's session. The role's own tags are the session's, unless
// the session is given others.
func (s *Service) caller(r *role, session string) identity.Caller {
	return identity.Caller{
		Kind: identity.Role, RoleARN: r.arn, UserID: r.id + ":" + session,
		ARN: s.Place.Global("sts", "assumed-role/"+r.name+"/"+session), Tags: r.tags,
	}
}

// granted is what all the ways of assuming a role answer.
type granted struct {
	keys       *types.Credentials
	user       *types.AssumedRoleUser
	size, used *int32 // of the session token, in bytes and per cent of maxTokenSize
}

// grant issues keys for a session that was allowed.
func (s *Service) grant(ctx context.Context, r *role, w wish) (granted, error) {
	if w.duration() > r.longest {
		return granted{}, validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	c := s.caller(r, w.session)
	c.Transitive, c.Source, c.Federated = w.transitive, w.source, w.federated
	for _, t := range w.tags {
		maps.DeleteFunc(c.Tags, func(k, _ string) bool { return strings.EqualFold(k, aws.ToString(t.Key)) })
		c.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	var err error
	if c.SessionPolicy, err = s.sessionPolicy(ctx, w); err != nil {
		return granted{}, err
	}
	keys, err := s.Keys.Issue(ctx, c, w.duration())
	if err != nil {
		return granted{}, err
	}
	size := len(aws.ToString(keys.SessionToken))
	return granted{
		keys: keys, user: &types.AssumedRoleUser{Arn: &c.ARN, AssumedRoleId: &c.UserID},
		size: aws.Int32(int32(size)), used: aws.Int32(int32(size * 100 / maxTokenSize)),
	}, nil
}

// sessionPolicy makes one document of the policies that are to narrow a session: what any
// of them allows is allowed.
func (s *Service) sessionPolicy(ctx context.Context, w wish) (string, error) {
	var docs []string
	if w.policy != nil {
		if len(*w.policy) > maxPolicyLength {
			return "", validation("1 validation error detected: Value at 'policy' failed to satisfy constraint: "+
				"Member must have length less than or equal to %d", maxPolicyLength)
		}
		if _, err := policy.Parse(policy.Identity, *w.policy); err != nil {
			return "", &types.MalformedPolicyDocumentException{Message: aws.String(err.Error())}
		}
		docs = append(docs, *w.policy)
	}
	for _, p := range w.policyARNs {
		doc, err := s.managed(ctx, aws.ToString(p.Arn))
		if err != nil {
			return "", err
		}
		docs = append(docs, doc)
	}
	if len(docs) < 2 {
		return strings.Join(docs, ""), nil
	}
	return join(docs)
}

func (s *Service) managed(ctx context.Context, id string) (string, error) {
	p, err := s.Directory.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &id})
	if err != nil {
		return "", &types.MalformedPolicyDocumentException{Message: aws.String("Policy " + id + " does not exist or is not attachable.")}
	}
	v, err := s.Directory.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: &id, VersionId: p.Policy.DefaultVersionId})
	if err != nil {
		return "", err
	}
	return url.QueryUnescape(aws.ToString(v.PolicyVersion.Document))
}

// join puts the statements of several documents into one.
func join(docs []string) (string, error) {
	all := struct {
		Version   string
		Statement []map[string]any
	}{Version: "2012-10-17"}
	for _, doc := range docs {
		var d struct{ Statement json.RawMessage }
		if err := json.Unmarshal([]byte(doc), &d); err != nil {
			return "", err
		}
		var many []map[string]any
		if err := json.Unmarshal(d.Statement, &many); err != nil {
			many = make([]map[string]any, 1)
			if err := json.Unmarshal(d.Statement, &many[0]); err != nil {
				return "", err
			}
		}
		for _, st := range many {
			delete(st, "Sid") // unique within a document only
			all.Statement = append(all.Statement, st)
		}
	}
	b, err := json.Marshal(all)
	return string(b), err
}
