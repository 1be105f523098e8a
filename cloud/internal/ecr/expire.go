package ecr

import (
	"errors"
	"fmt"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/ecr/lifecycle"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// preview is the outcome of a policy that was tried.
type preview struct {
	Policy  string     `json:"policy"`
	Results []foreseen `json:"results,omitempty"`
}

// foreseen is what a policy would do to an image.
type foreseen struct {
	Digest   string    `json:"digest"`
	Tags     []string  `json:"tags,omitempty"`
	Pushed   time.Time `json:"pushed"`
	Priority int32     `json:"priority"`
	Archive  bool      `json:"archive,omitempty"`
}

// decide applies a policy to the images of a repository, on paper.
func (s *Service) decide(tx *store.Tx, repo, policy string) ([]lifecycle.Decision, error) {
	p, err := lifecycle.Parse(policy)
	if err != nil {
		return nil, err
	}
	tags := s.tagsByDigest(tx, repo)
	var all []lifecycle.Image
	for key, i := range s.images.All(tx, in(repo, "")) {
		img := lifecycle.Image{
			Digest: i.Digest, Tags: tags[i.Digest], Pushed: i.Pushed, Pulled: s.pulls.of(key, i.Pulled), Children: i.Children,
		}
		if i.InArchive {
			img.Archived = i.Archived
		}
		all = append(all, img)
	}
	return p.Apply(all, s.now()), nil
}

// expire applies all lifecycle policies.
func (s *Service) expire() error {
	var names []string
	s.Store.View(func(tx *store.Tx) {
		for name, r := range s.repositories.All(tx, "") {
			if r.Lifecycle != "" {
				names = append(names, name)
			}
		}
	})
	var errs []error
	for _, name := range names {
		if err := s.Store.Update(func(tx *store.Tx) error { return s.apply(tx, name) }); err != nil {
			errs = append(errs, fmt.Errorf("lifecycle policy of %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// apply applies a repository's lifecycle policy.
func (s *Service) apply(tx *store.Tx, name string) error {
	r, ok := s.repositories.Get(tx, name)
	if !ok || r.Lifecycle == "" {
		return nil // deleted meanwhile
	}
	decisions, err := s.decide(tx, name, r.Lifecycle)
	if err != nil {
		return err
	}
	for _, d := range decisions {
		i, _ := s.images.Get(tx, in(name, d.Image.Digest))
		if !d.Archive {
			s.removeImage(tx, name, i)
			continue
		}
		i.InArchive, i.Archived = true, s.now()
		s.images.Put(tx, in(name, i.Digest), i)
	}
	r.Evaluated = s.now()
	s.repositories.Put(tx, name, r)
	return nil
}
