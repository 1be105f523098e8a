package ecr

import (
	"path"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/internal/regex"
)

const nameGrammar = `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`

var (
	namePattern = regex.New(`^(?:` + nameGrammar + `)$`)
	tagPattern  = regex.New(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
)

// validName tells whether a repository may be called so.
func validName(name string) bool {
	return len(name) >= 2 && len(name) <= 256 && namePattern.MatchString(name)
}

// repository returns what the API's parameters name. Registries of other accounts are
// empty.
func (s *Service) repository(tx *store.Tx, registryID, name *string) (repository, error) {
	n := aws.ToString(name)
	if registryID != nil && *registryID != s.Place.Account {
		return repository{}, noRepository(n, *registryID)
	}
	return s.lookup(tx, n)
}

// lookup returns the repository called name.
func (s *Service) lookup(tx *store.Tx, name string) (repository, error) {
	r, ok := s.repositories.Get(tx, name)
	if !ok {
		return repository{}, noRepository(name, s.Place.Account)
	}
	return r, nil
}

// exists looks a repository up outside of a transaction.
func (s *Service) exists(registryID, name *string) (r repository, err error) {
	s.Store.View(func(tx *store.Tx) { r, err = s.repository(tx, registryID, name) })
	return r, err
}

// ownRegistry refuses registries of other accounts.
func (s *Service) ownRegistry(registryID *string) error {
	if registryID != nil && *registryID != s.Place.Account {
		return refused("Invalid parameter at 'registryId' failed to satisfy constraint: 'Must be the registry of the caller's account'")
	}
	return nil
}

// wild tells whether s matches a pattern whose "*" stands for anything, slashes too.
func wild(pattern, s string) bool {
	const slash = "\x00" // path.Match's "*" stops at slashes
	swap := func(s string) string { return strings.ReplaceAll(s, "/", slash) }
	ok, err := path.Match(swap(pattern), swap(s))
	return err == nil && ok
}

// fixed tells whether a tag cannot be moved once it is set.
func (r repository) fixed(tag string) bool {
	excluded := false
	for _, pattern := range r.Exclusions {
		excluded = excluded || wild(pattern, tag)
	}
	switch r.Mutability {
	case "IMMUTABLE":
		return true
	case "IMMUTABLE_WITH_EXCLUSION":
		return !excluded
	case "MUTABLE_WITH_EXCLUSION":
		return excluded
	}
	return false
}
