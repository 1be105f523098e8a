package ecr

import (
	"errors"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/ecr/blobs"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const (
	grace       = time.Hour      // that a layer stays which no image uses
	staleUpload = 24 * time.Hour // without a byte, until an upload is dropped
)

// sweep removes uploads that were given up, links of layers that nobody uses, and bytes
// that nothing refers to.
func (s *Service) sweep() error {
	now := s.now()
	if err := s.blobs.Sweep(now.Add(-staleUpload)); err != nil {
		return err
	}
	gone := s.goneUploads()
	err := s.Store.Update(func(tx *store.Tx) error {
		for _, id := range gone {
			s.tables.uploads.Delete(tx, id)
		}
		for name := range s.repositories.All(tx, "") {
			s.dropLayers(tx, name, now)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var errs []error
	var referred map[string]bool
	s.Store.View(func(tx *store.Tx) { referred = s.referred(tx) })
	for d := range s.blobs.All() {
		if !referred[d] {
			errs = append(errs, s.dispose(d))
		}
	}
	return errors.Join(errs...)
}

// goneUploads lists uploads whose files are gone.
func (s *Service) goneUploads() []string {
	var ids, gone []string
	s.Store.View(func(tx *store.Tx) {
		for id := range s.tables.uploads.All(tx, "") {
			ids = append(ids, id)
		}
	})
	for _, id := range ids {
		if _, err := s.blobs.Upload(id); errors.Is(err, blobs.ErrUnknown) {
			gone = append(gone, id)
		}
	}
	return gone
}

func (s *Service) dropLayers(tx *store.Tx, repo string, now time.Time) {
	used := s.used(tx, repo)
	for key, l := range s.tables.layers.All(tx, in(repo, "")) {
		if !used[key[len(repo)+1:]] && now.Sub(l.Since) > grace {
			s.tables.layers.Delete(tx, key)
		}
	}
}

// referred lists the digests that some repository has.
func (s *Service) referred(tx *store.Tx) map[string]bool {
	all := map[string]bool{}
	for name := range s.repositories.All(tx, "") {
		for key := range s.tables.layers.All(tx, in(name, "")) {
			all[key[len(name)+1:]] = true
		}
		for key := range s.images.All(tx, in(name, "")) {
			all[key[len(name)+1:]] = true
		}
	}
	return all
}

// dispose removes a blob, unless somebody began to refer to it meanwhile.
func (s *Service) dispose(d string) error {
	s.shelf.Lock()
	defer s.shelf.Unlock()
	again := false
	s.Store.View(func(tx *store.Tx) {
		for name := range s.repositories.All(tx, "") {
			_, isLayer := s.tables.layers.Get(tx, in(name, d))
			_, isImage := s.images.Get(tx, in(name, d))
			again = again || isLayer || isImage
		}
	})
	if again {
		return nil
	}
	return s.blobs.Remove(d)
}
