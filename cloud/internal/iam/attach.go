package iam

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// managed finds a managed policy, AWS's or the account's.
func (s *Service) managed(tx *store.Tx, id string) (managed, bool) {
	if m, ok := s.aws[id]; ok {
		return m, true
	}
	return s.tables.policies.Get(tx, id)
}

func checkPolicyARN(id string) error {
	if a, ok := arn.Parse(id); !ok || a.Service != "iam" || !strings.HasPrefix(a.Resource, "policy/") {
		return invalidInput("ARN %s is not valid.", id)
	}
	return nil
}

// attach gives a managed policy to a holder; one that has it is no error.
func (s *Service) attach(h holder, name, policyARN *string) error {
	id := aws.ToString(policyARN)
	if err := checkPolicyARN(id); err != nil {
		return err
	}
	return s.Store.Update(func(tx *store.Tx) error {
		g, err := h.get(tx, name)
		if err != nil {
			return err
		}
		if _, ok := s.managed(tx, id); !ok {
			return noSuch("Policy %s does not exist or is not attachable.", id)
		}
		if slices.Contains(g.Attached, id) {
			return nil
		}
		if len(g.Attached) >= h.max {
			return quota(h.limitName, h.max)
		}
		g.Attached = append(slices.Clone(g.Attached), id)
		h.put(tx, *name, g)
		return nil
	})
}

func (s *Service) detach(h holder, name, policyARN *string) error {
	id := aws.ToString(policyARN)
	if err := checkPolicyARN(id); err != nil {
		return err
	}
	return s.Store.Update(func(tx *store.Tx) error {
		g, err := h.get(tx, name)
		if err != nil {
			return err
		}
		i := slices.Index(g.Attached, id)
		if i < 0 {
			return noSuch("Policy %s was not found.", id)
		}
		g.Attached = slices.Delete(slices.Clone(g.Attached), i, i+1)
		h.put(tx, *name, g)
		return nil
	})
}

// listAttached returns a page of a holder's managed policies, newest first.
func (s *Service) listAttached(h holder, name, prefix, marker *string, size *int32) (out []types.AttachedPolicy, next *string, err error) {
	s.Store.View(func(tx *store.Tx) {
		var g grants
		if g, err = h.get(tx, name); err != nil {
			return
		}
		out = s.attached(tx, g, aws.ToString(prefix))
	})
	if err != nil {
		return nil, nil, err
	}
	return cut(out, func(p types.AttachedPolicy) string { return *p.PolicyArn }, marker, size)
}

func (s *Service) attached(tx *store.Tx, g grants, prefix string) []types.AttachedPolicy {
	out := []types.AttachedPolicy{}
	for _, id := range slices.Backward(g.Attached) {
		m, ok := s.managed(tx, id)
		if ok && strings.HasPrefix(*m.Desc.Path, cmp.Or(prefix, "/")) {
			out = append(out, types.AttachedPolicy{PolicyArn: aws.String(id), PolicyName: m.Desc.PolicyName})
		}
	}
	return out
}

// boundary checks and describes a permissions boundary; nil for none.
func (s *Service) boundary(tx *store.Tx, id *string) (*types.AttachedPermissionsBoundary, error) {
	if id == nil {
		return nil, nil
	}
	if err := checkPolicyARN(*id); err != nil {
		return nil, err
	}
	if _, ok := s.managed(tx, *id); !ok {
		return nil, noSuch("Scope ARN: %s does not exist or is not attachable.", *id)
	}
	return &types.AttachedPermissionsBoundary{
		PermissionsBoundaryArn: id, PermissionsBoundaryType: types.PermissionsBoundaryAttachmentTypePolicy,
	}, nil
}
