package iam

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/policy"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// holder is a kind of entity that has policies.
type holder struct {
	word      string // "role"
	limitName string // of managed policies
	max       int
	maxInline int // characters of all inline policies together
	get       func(tx *store.Tx, name *string) (grants, error)
	put       func(tx *store.Tx, name string, g grants)
}

func (s *Service) roleHolder() holder {
	return holder{
		"role", "PoliciesPerRole", 10, 10240,
		func(tx *store.Tx, name *string) (grants, error) {
			r, err := s.role(tx, name)
			return r.grants, err
		},
		func(tx *store.Tx, name string, g grants) {
			r, _ := s.tables.roles.Get(tx, name)
			r.grants = g
			s.tables.roles.Put(tx, name, r)
		},
	}
}

func (s *Service) userHolder() holder {
	return holder{
		"user", "PoliciesPerUser", 10, 2048,
		func(tx *store.Tx, name *string) (grants, error) {
			u, err := s.user(tx, name)
			return u.grants, err
		},
		func(tx *store.Tx, name string, g grants) {
			u, _ := s.tables.users.Get(tx, name)
			u.grants = g
			s.tables.users.Put(tx, name, u)
		},
	}
}

func (s *Service) groupHolder() holder {
	return holder{
		"group", "PoliciesPerGroup", 10, 5120,
		func(tx *store.Tx, name *string) (grants, error) {
			g, err := s.group(tx, name)
			return g.grants, err
		},
		func(tx *store.Tx, name string, gr grants) {
			g, _ := s.tables.groups.Get(tx, name)
			g.grants = gr
			s.tables.groups.Put(tx, name, g)
		},
	}
}

// empty wants nothing to be left before the holder is deleted.
func (g grants) empty() error {
	if len(g.Attached) > 0 {
		return conflict("Cannot delete entity, must detach all policies first.")
	}
	if len(g.Inline) > 0 {
		return conflict("Cannot delete entity, must delete policies first.")
	}
	return nil
}

const maxPolicyName = 128

// putInline sets an inline policy.
func (s *Service) putInline(h holder, name, policyName, doc *string) error {
	if err := checkName("policyName", aws.ToString(policyName), maxPolicyName); err != nil {
		return err
	}
	if _, err := policy.Parse(policy.Identity, aws.ToString(doc)); err != nil {
		return badDocument(err)
	}
	return s.Store.Update(func(tx *store.Tx) error {
		g, err := h.get(tx, name)
		if err != nil {
			return err
		}
		g.Inline = maps.Clone(g.Inline)
		if g.Inline == nil {
			g.Inline = map[string]string{}
		}
		g.Inline[*policyName] = *doc
		total := 0
		for _, d := range g.Inline {
			total += size(d)
		}
		if total > h.maxInline {
			return limit("Maximum policy size of %d bytes exceeded for %s %s", h.maxInline, h.word, *name)
		}
		h.put(tx, *name, g)
		return nil
	})
}

// inline returns an inline policy's document.
func (s *Service) inline(h holder, name, policyName *string) (doc string, err error) {
	s.Store.View(func(tx *store.Tx) {
		var g grants
		if g, err = h.get(tx, name); err != nil {
			return
		}
		var ok bool
		if doc, ok = g.Inline[aws.ToString(policyName)]; !ok {
			err = noInline(h, policyName)
		}
	})
	return doc, err
}

func noInline(h holder, policyName *string) error {
	return noSuch("The %s policy with name %s cannot be found.", h.word, aws.ToString(policyName))
}

func (s *Service) deleteInline(h holder, name, policyName *string) error {
	return s.Store.Update(func(tx *store.Tx) error {
		g, err := h.get(tx, name)
		if err != nil {
			return err
		}
		if _, ok := g.Inline[aws.ToString(policyName)]; !ok {
			return noInline(h, policyName)
		}
		g.Inline = maps.Clone(g.Inline)
		delete(g.Inline, *policyName)
		h.put(tx, *name, g)
		return nil
	})
}

// listInline returns a page of the names of inline policies.
func (s *Service) listInline(h holder, name, marker *string, size *int32) (names []string, next *string, err error) {
	s.Store.View(func(tx *store.Tx) {
		var g grants
		if g, err = h.get(tx, name); err == nil {
			names = slices.Sorted(maps.Keys(g.Inline))
		}
	})
	if err != nil {
		return nil, nil, err
	}
	return cut(names, func(n string) string { return n }, marker, size)
}
