package iam

import (
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/policy"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// Options says what a Service works with.
type Options struct {
	Store *store.Store
	Clock *clock.Clock
	Place arn.Place

	// RootAccessKeyID and RootSecret fix the root user's key; empty keeps the stored one,
	// or makes one.
	RootAccessKeyID, RootSecret string

	// RootPolicy is a policy document that says what the root user may do; empty lets it do
	// everything, as in AWS. With it the default credentials of a local cloud are held to a
	// policy like anybody's.
	RootPolicy string
}

// Service answers the API and knows the account's identities.
type Service struct {
	Options
	tables tables
	aws    map[string]managed // AWS's own policies by ARN
	root   policy.Source      // what the root user may do

	usedMu sync.Mutex
	used   map[string]lastUse // by access key

	parsedMu sync.Mutex
	parsed   map[string]*policy.Document // by text; see document
}

// lastUse is told by GetAccessKeyLastUsed; it is not kept over a restart.
type lastUse struct {
	at      time.Time
	service string
}

// New opens the service's tables and makes sure that the root user has its key. It starts
// nothing.
func New(o Options) (*Service, error) {
	t, err := openTables(o.Store)
	if err != nil {
		return nil, err
	}
	own, err := managedPolicies(o.Place.Partition)
	if err != nil {
		return nil, err
	}
	root := everything
	if o.RootPolicy != "" {
		d, err := policy.Parse(policy.Identity, o.RootPolicy)
		if err != nil {
			return nil, fmt.Errorf("the root user's policy: %w", err)
		}
		root = policy.Source{ID: "root", Type: string(types.PolicySourceTypeUser), Document: d}
	}
	s := &Service{root: root, Options: o, tables: t, aws: own, used: map[string]lastUse{}, parsed: map[string]*policy.Document{}}
	return s, s.Store.Update(s.rootKey)
}

// rootKey finds the root user's first key, or makes it. One that Options fix takes the
// place of the one before.
func (s *Service) rootKey(tx *store.Tx) error {
	id, key := s.RootAccessKeyID, accessKey{Secret: s.RootSecret, Status: types.StatusTypeActive, Created: s.Clock.Now(), First: true}
	for old, k := range s.tables.keys.All(tx, "") {
		switch {
		case !k.First:
		case id == "" || id == old && s.RootSecret == k.Secret:
			s.RootAccessKeyID, s.RootSecret = old, k.Secret
			return nil
		default:
			s.tables.keys.Delete(tx, old)
		}
	}
	if id == "" {
		id, key.Secret = "AKIA"+ids.Upper(16), ids.Secret(40)
	}
	s.tables.keys.Put(tx, id, key)
	s.RootAccessKeyID, s.RootSecret = id, key.Secret
	return nil
}

// RootKey returns the access key of the account's root user.
func (s *Service) RootKey() (id, secret string) { return s.RootAccessKeyID, s.RootSecret }
