package iam

import (
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
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
}

// Service answers the API and knows the account's identities.
type Service struct {
	Options
	tables tables
	aws    map[string]managed // AWS's own policies by ARN

	usedMu sync.Mutex
	used   map[string]lastUse // by access key
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
	s := &Service{Options: o, tables: t, aws: own, used: map[string]lastUse{}}
	return s, s.Store.Update(s.rootKey)
}

// rootKey leaves the root user with exactly one key.
func (s *Service) rootKey(tx *store.Tx) error {
	id, key := s.RootAccessKeyID, accessKey{Secret: s.RootSecret, Status: types.StatusTypeActive, Created: s.Clock.Now()}
	for old, k := range s.tables.keys.All(tx, "") {
		if k.User != "" {
			continue
		}
		if id == "" {
			id, key = old, k
		}
		s.tables.keys.Delete(tx, old)
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
