// Package identity carries who calls: wire authenticates a request and puts the
// Caller into its context, services and policy evaluation read it from there.
package identity

import (
	"context"
	"time"
)

// Kind tells how much a caller may do before any policy is read.
type Kind string

// The kinds of caller.
const (
	Root    Kind = "root"    // the account itself; the default credentials of a local cloud
	User    Kind = "user"    // an IAM user
	Role    Kind = "role"    // an assumed role's session
	Service Kind = "service" // an AWS service acting for itself, inside the cloud
	Nobody  Kind = ""        // an unsigned call
)

// Caller is the authenticated principal of one call.
type Caller struct {
	Kind          Kind
	ARN           string            // arn:aws:iam::A:root, arn:aws:sts::A:assumed-role/ROLE/SESSION
	UserID        string            // account id, AIDA…, AROA…:SESSION
	AccessKeyID   string            // AKIA… or ASIA…, empty for services
	RoleARN       string            // the IAM role behind a session
	SessionPolicy string            // JSON document that narrows the session, or empty
	Tags          map[string]string // principal tags
	Transitive    []string          // of a session: tags that sessions of roles assumed by it have, too
	Source        string            // source identity, which such sessions keep
	Federated     string            // provider that vouched for a session
	Issued        time.Time         // when temporary keys were; zero for others
	Own           bool              // temporary keys of GetSessionToken: the user's or root's own
	MFA           time.Time         // when their user showed a code of a second factor; zero: never
	SourceIP      string
	Service       string // "ecs-tasks.amazonaws.com" for Kind Service
}

type key struct{}

// With returns a context in which From finds c.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, key{}, c)
}

// From returns the caller of the call that ctx belongs to; the zero Caller is nobody.
func From(ctx context.Context) Caller {
	c, _ := ctx.Value(key{}).(Caller)
	return c
}
