package iam

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// grants are the policies of a role, user or group.
type grants struct {
	Inline   map[string]string // name → document
	Attached []string          // ARNs of managed policies, in the order in which they came
}

// role, user and group are kept under their names.
type role struct {
	Desc types.Role // AssumeRolePolicyDocument as plain text
	grants
	Service string // that a service-linked role belongs to
}

type user struct {
	Desc types.User
	grants
}

type group struct {
	Desc types.Group
	grants
	Members []string // names of users
}

// managed is a customer's managed policy, kept under its ARN.
type managed struct {
	Desc     types.Policy
	Versions []types.PolicyVersion // oldest first, documents as plain text
	Last     int                   // number of the newest version ever made
}

// profile is an instance profile, kept under its name.
type profile struct {
	Desc types.InstanceProfile // without roles
	Role string                // name, or ""
}

// provider is an OpenID Connect provider, kept under its ARN.
type provider struct {
	URL         string // without https://
	ClientIDs   []string
	Thumbprints []string
	Created     time.Time
	Tags        []types.Tag
}

// accessKey is a long-lived key, kept under its id.
type accessKey struct {
	User    string // name; empty for the root user's
	Secret  string
	Status  types.StatusType
	Created time.Time
	First   bool // the root user's, which the cloud came with
}

// session is a temporary key, kept under its id.
type session struct {
	Secret, Token string
	Expires       time.Time
	Caller        identity.Caller
}

type tables struct {
	roles     store.Table[role]
	users     store.Table[user]
	groups    store.Table[group]
	policies  store.Table[managed]
	profiles  store.Table[profile]
	providers store.Table[provider]
	keys      store.Table[accessKey]
	sessions  store.Table[session]
	aliases   store.Table[string]
	devices   store.Table[device]
}

func openTables(s *store.Store) (t tables, err error) {
	open(s, "iam/roles", &t.roles, &err)
	open(s, "iam/users", &t.users, &err)
	open(s, "iam/groups", &t.groups, &err)
	open(s, "iam/policies", &t.policies, &err)
	open(s, "iam/instance-profiles", &t.profiles, &err)
	open(s, "iam/oidc-providers", &t.providers, &err)
	open(s, "iam/access-keys", &t.keys, &err)
	open(s, "iam/sessions", &t.sessions, &err)
	open(s, "iam/account-aliases", &t.aliases, &err)
	open(s, "iam/mfa-devices", &t.devices, &err)
	return t, err
}

func open[T any](s *store.Store, name string, t *store.Table[T], err *error) {
	if *err == nil {
		*t, *err = store.NewTable[T](s, name)
	}
}
