// Package lifecycle reads ECR's lifecycle policies and decides what they do to the images
// of a repository. It is pure: images and the time are given.
//
// All rules look at the images as they are; then they act by priority, the lowest number
// first. An image whose tags a rule asks for is that rule's alone: no later rule acts on
// it, though it counts it. Manifests that an index lists stay until the index is gone.
package lifecycle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Policy is a valid lifecycle policy, its rules ordered by priority.
type Policy struct{ Rules []Rule }

// Rule is one rule of a policy.
type Rule struct {
	Priority    int32     `json:"rulePriority"`
	Description string    `json:"description"`
	Selection   Selection `json:"selection"`
	Action      Action    `json:"action"`
}

// Selection says which images a rule is about.
type Selection struct {
	TagStatus    string   `json:"tagStatus"`
	TagPrefixes  []string `json:"tagPrefixList"`
	TagPatterns  []string `json:"tagPatternList"`
	StorageClass string   `json:"storageClass"` // of the images: standard, archive
	CountType    string   `json:"countType"`
	CountUnit    string   `json:"countUnit"`
	CountNumber  int      `json:"countNumber"`
}

// Action says what is done to them.
type Action struct {
	Type               string `json:"type"` // expire, transition
	TargetStorageClass string `json:"targetStorageClass"`
}

// Count types.
const (
	countMoreThan     = "imageCountMoreThan"
	sincePushed       = "sinceImagePushed"
	sincePulled       = "sinceImagePulled"
	sinceTransitioned = "sinceImageTransitioned"
)

const (
	maxRules     = 50
	maxWildcards = 4
	expire       = "expire"
	transition   = "transition"
	archive      = "archive"
	standard     = "standard"
	tagged       = "tagged"
	untagged     = "untagged"
	anyTag       = "any"
	days         = "days"
)

// Parse reads a policy. The error says which rule is wrong and why.
func Parse(text string) (*Policy, error) {
	var doc struct {
		Rules []Rule `json:"rules"`
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("document is not a lifecycle policy: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("document has something behind its end")
	}
	if len(doc.Rules) == 0 || len(doc.Rules) > maxRules {
		return nil, fmt.Errorf("a policy has 1 to %d rules", maxRules)
	}
	p := &Policy{Rules: doc.Rules}
	for i := range p.Rules {
		if err := p.Rules[i].check(); err != nil {
			return nil, fmt.Errorf("rule %d: %w", i+1, err)
		}
	}
	slices.SortFunc(p.Rules, func(a, b Rule) int { return int(a.Priority) - int(b.Priority) })
	return p, p.checkTogether()
}

// checkTogether looks at what rules must not share.
func (p *Policy) checkTogether() error {
	seen := map[string]bool{}
	for i, r := range p.Rules {
		if i > 0 && p.Rules[i-1].Priority == r.Priority {
			return fmt.Errorf("rulePriority %d is not unique", r.Priority)
		}
		class := r.Selection.class()
		switch r.Selection.TagStatus {
		case anyTag:
			if i != len(p.Rules)-1 && p.Rules[i+1].Selection.class() == class {
				return errors.New("a rule with tagStatus any must have the highest rulePriority")
			}
		case untagged:
			key := untagged + " " + class + " " + r.Action.Type
			if seen[key] {
				return errors.New("only one rule can select untagged images")
			}
			seen[key] = true
		}
	}
	return nil
}

func (r *Rule) check() error {
	switch {
	case r.Priority < 1:
		return errors.New("rulePriority must be 1 or greater")
	case r.Selection.CountNumber < 1:
		return errors.New("countNumber must be 1 or greater")
	}
	if err := r.Selection.checkTags(); err != nil {
		return err
	}
	return r.checkCount()
}

func (s *Selection) checkTags() error {
	lists := len(s.TagPrefixes) + len(s.TagPatterns)
	switch s.TagStatus {
	case tagged:
		if lists == 0 {
			return errors.New("tagStatus tagged needs tagPrefixList or tagPatternList")
		}
		if len(s.TagPrefixes) > 0 && len(s.TagPatterns) > 0 {
			return errors.New("tagPrefixList and tagPatternList exclude each other")
		}
	case untagged, anyTag:
		if lists > 0 {
			return fmt.Errorf("tagStatus %s takes neither tagPrefixList nor tagPatternList", s.TagStatus)
		}
	default:
		return fmt.Errorf("tagStatus %q is none of tagged, untagged, any", s.TagStatus)
	}
	for _, t := range slices.Concat(s.TagPrefixes, s.TagPatterns) {
		if t == "" || strings.Count(t, "*") > maxWildcards {
			return fmt.Errorf("tag %q is empty or has more than %d wildcards", t, maxWildcards)
		}
	}
	return nil
}

// class is the storage class of the images that are selected.
func (s *Selection) class() string {
	if s.StorageClass == "" {
		return standard
	}
	return s.StorageClass
}

func (r *Rule) checkCount() error {
	s := &r.Selection
	byAge := s.CountType != countMoreThan
	wantClass := standard
	switch s.CountType {
	case countMoreThan, sincePushed, sincePulled:
	case sinceTransitioned:
		wantClass = archive
	default:
		return fmt.Errorf("countType %q is unknown", s.CountType)
	}
	switch {
	case byAge && s.CountUnit != days:
		return fmt.Errorf("countType %s needs countUnit days", s.CountType)
	case !byAge && s.CountUnit != "":
		return fmt.Errorf("countType %s takes no countUnit", s.CountType)
	case s.class() != wantClass:
		return fmt.Errorf("countType %s selects images of storageClass %s only", s.CountType, wantClass)
	}
	switch r.Action.Type {
	case expire:
		if r.Action.TargetStorageClass != "" || s.CountType == sincePulled {
			return fmt.Errorf("action expire takes neither targetStorageClass nor countType %s", sincePulled)
		}
	case transition:
		if r.Action.TargetStorageClass != archive || s.CountType == sinceTransitioned {
			return fmt.Errorf("action transition needs targetStorageClass %s and images that are not there", archive)
		}
	default:
		return fmt.Errorf("action %q is neither expire nor transition", r.Action.Type)
	}
	return nil
}
