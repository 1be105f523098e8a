package iam

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/policy"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// Decide holds a request against the caller's own policies and, if there is one, the
// resource's; trustOnly as in policy.Policies. The caller's principals and the condition
// keys that AWS sets for every request are filled in; the cloud's own services, and the
// root user unless Options say otherwise, may do everything that the resource's policy does
// not deny them.
func (s *Service) Decide(caller identity.Caller, r policy.Request, resource *policy.Source, trustOnly bool) policy.Decision {
	s.describe(caller, &r)
	p := policy.Policies{Resource: resource, TrustOnly: trustOnly}
	s.Store.View(func(tx *store.Tx) { s.own(tx, caller, &p) })
	return policy.Evaluate(&r, p)
}

// describe puts the caller into a request.
func (s *Service) describe(c identity.Caller, r *policy.Request) {
	r.Context = maps.Clone(r.Context)
	if r.Context == nil {
		r.Context = map[string][]string{}
	}
	set := func(key, value string) {
		if _, there := r.Context[key]; !there && value != "" {
			r.Context[key] = []string{value}
		}
	}
	now := s.Clock.Now().UTC()
	set("aws:currenttime", now.Format(time.RFC3339))
	set("aws:epochtime", strconv.FormatInt(now.Unix(), 10))
	set("aws:sourceip", c.SourceIP)
	set("aws:requestedregion", s.Place.Region)
	set("aws:securetransport", "false")
	set("aws:userid", c.UserID)
	set("aws:viaawsservice", "false")
	set("aws:sourceidentity", c.Source)
	set("aws:federatedprovider", c.Federated)
	for k, v := range c.Tags {
		set("aws:principaltag/"+strings.ToLower(k), v)
	}
	if !c.Issued.IsZero() {
		set("aws:tokenissuetime", c.Issued.UTC().Format(time.RFC3339))
		set("aws:multifactorauthpresent", strconv.FormatBool(!c.MFA.IsZero()))
	}
	if !c.MFA.IsZero() {
		set("aws:multifactorauthpresent", "true")
		set("aws:multifactorauthage", strconv.Itoa(int(now.Sub(c.MFA).Seconds())))
	}
	if c.Kind == identity.Nobody {
		return
	}
	if c.Kind == identity.Service {
		r.Service = c.Service
		set("aws:principalservicename", c.Service)
		set("aws:principalisawsservice", "true")
		return
	}
	r.Account = s.Place.Account
	r.Principals = []string{c.ARN}
	if c.RoleARN != "" {
		r.Principals = append(r.Principals, c.RoleARN)
	}
	set("aws:principalarn", r.Principals[len(r.Principals)-1])
	set("aws:principalaccount", s.Place.Account)
	set("aws:principalisawsservice", "false")
	set("aws:principaltype", map[identity.Kind]string{
		identity.Root: "Account", identity.User: "User", identity.Role: "AssumedRole",
	}[c.Kind])
	if c.Kind == identity.User {
		set("aws:username", arn.Name(c.ARN))
	}
}

var everything = func() policy.Source {
	d, err := policy.Parse(policy.Identity, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
	if err != nil {
		panic(err) // a constant
	}
	return policy.Source{ID: "account", Type: string(types.PolicySourceTypeNone), Document: d}
}()

// own adds the caller's own policies.
func (s *Service) own(tx *store.Tx, c identity.Caller, p *policy.Policies) {
	switch c.Kind {
	case identity.Root:
		p.Identity = []policy.Source{s.root}
	case identity.Service:
		p.Identity = []policy.Source{everything}
	case identity.User:
		if u, ok := s.tables.users.Get(tx, arn.Name(c.ARN)); ok && same(c, *u.Desc.UserId) {
			p.Identity = s.userSources(tx, u)
			p.Boundary = s.boundarySource(tx, u.Desc.PermissionsBoundary)
		}
	case identity.Role:
		if r, ok := s.tables.roles.Get(tx, arn.Name(c.RoleARN)); ok && same(c, *r.Desc.RoleId) {
			p.Identity = s.sources(tx, "role", *r.Desc.RoleName, r.grants)
			p.Boundary = s.boundarySource(tx, r.Desc.PermissionsBoundary)
		}
	}
	if c.SessionPolicy != "" {
		p.Session = &policy.Source{ID: "session", Document: s.document(c.SessionPolicy)}
	}
}

// same reports whether a caller is still the entity of this id: one that was made anew under
// an old name gives nothing to the old one's sessions.
func same(c identity.Caller, id string) bool {
	of, _, _ := strings.Cut(c.UserID, ":")
	return of == "" || of == id
}

func (s *Service) userSources(tx *store.Tx, u user) []policy.Source {
	out := s.sources(tx, "user", *u.Desc.UserName, u.grants)
	for name, g := range s.tables.groups.All(tx, "") {
		if slices.Contains(g.Members, *u.Desc.UserName) {
			out = append(out, s.sources(tx, "group", name, g.grants)...)
		}
	}
	return out
}

// sources are the policies of a holder; their ids are the ones that simulations tell.
func (s *Service) sources(tx *store.Tx, word, name string, g grants) []policy.Source {
	var out []policy.Source
	for _, p := range slices.Sorted(maps.Keys(g.Inline)) {
		out = append(out, policy.Source{ID: word + "_" + name + "_" + p, Type: word, Document: s.document(g.Inline[p])})
	}
	for _, id := range g.Attached {
		if m, ok := s.managed(tx, id); ok {
			out = append(out, s.source(m))
		}
	}
	return out
}

func (s *Service) source(m managed) policy.Source {
	kind := types.PolicySourceTypeUserManaged
	if isAWS(*m.Desc.Arn) {
		kind = types.PolicySourceTypeAwsManaged
	}
	return policy.Source{ID: *m.Desc.PolicyName, Type: string(kind), ARN: *m.Desc.Arn, Document: s.document(m.document())}
}

// document is the default version's.
func (m managed) document() string {
	for _, v := range m.Versions {
		if v.IsDefaultVersion {
			return aws.ToString(v.Document)
		}
	}
	return ""
}

// boundarySource is nil without a boundary; one that was deleted allows nothing.
func (s *Service) boundarySource(tx *store.Tx, b *types.AttachedPermissionsBoundary) *policy.Source {
	if b == nil {
		return nil
	}
	m, ok := s.managed(tx, *b.PermissionsBoundaryArn)
	if !ok {
		return &policy.Source{ID: *b.PermissionsBoundaryArn}
	}
	src := s.source(m)
	return &src
}

const maxParsed = 512

// document reads a policy that was read before, when it was stored; texts are remembered,
// since every call of a role needs them. One that does not read allows nothing.
func (s *Service) document(doc string) *policy.Document {
	s.parsedMu.Lock()
	defer s.parsedMu.Unlock()
	if d, ok := s.parsed[doc]; ok {
		return d
	}
	d, err := policy.Parse(policy.Identity, doc)
	if err != nil { // with principals it is a resource's
		d, err = policy.Parse(policy.Resource, doc)
	}
	if err != nil {
		return nil
	}
	if len(s.parsed) >= maxParsed {
		clear(s.parsed)
	}
	s.parsed[doc] = d
	return d
}
