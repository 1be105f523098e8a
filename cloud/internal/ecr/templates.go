package ecr

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// template is a stored repository creation template, keyed by its prefix.
type template struct {
	Prefix      string            `json:"prefix"`
	Created     time.Time         `json:"created"`
	Updated     time.Time         `json:"updated"`
	AppliedFor  []string          `json:"appliedFor"`
	Description string            `json:"description,omitempty"`
	RoleARN     string            `json:"roleArn,omitempty"`
	Encryption  string            `json:"encryption"`
	KMSKey      string            `json:"kmsKey,omitempty"`
	Mutability  string            `json:"mutability"`
	Exclusions  []string          `json:"exclusions,omitempty"`
	Policy      string            `json:"policy,omitempty"`
	Lifecycle   string            `json:"lifecycle,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

const rootPrefix = "ROOT" // the template of names that no other prefix matches

// fits tells whether a template is for a repository's name.
func (t template) fits(name string) bool {
	return t.Prefix == rootPrefix || strings.HasPrefix(name, strings.TrimSuffix(t.Prefix, "/")+"/")
}

// createOnPush makes a repository that somebody pushes to, if there is a template for it.
func (s *Service) createOnPush(name string) error {
	if _, err := s.exists(nil, &name); err == nil {
		return nil
	}
	return s.Store.Update(func(tx *store.Tx) error {
		if _, ok := s.repositories.Get(tx, name); ok {
			return nil
		}
		t, ok := s.templateFor(tx, name)
		if !ok {
			return noRepository(name, s.Place.Account)
		}
		s.repositories.Put(tx, name, repository{
			Name: name, Created: s.now(), Mutability: t.Mutability, Exclusions: t.Exclusions,
			Encryption: t.Encryption, KMSKey: t.KMSKey, Policy: t.Policy, Lifecycle: t.Lifecycle, Tags: maps.Clone(t.Tags),
		})
		return nil
	})
}

// templateFor finds the template with the longest prefix that creates on push.
func (s *Service) templateFor(tx *store.Tx, name string) (best template, found bool) {
	for _, t := range s.templates.All(tx, "") {
		if !slices.Contains(t.AppliedFor, string(types.RCTAppliedForCreateOnPush)) || !t.fits(name) {
			continue
		}
		if !found || best.Prefix == rootPrefix || t.Prefix != rootPrefix && len(t.Prefix) > len(best.Prefix) {
			best, found = t, true
		}
	}
	return best, found
}
