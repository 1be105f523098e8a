package ecr

import (
	"context"
	"errors"

	"github.com/turnoutdev/turnout/cloud/internal/ecr/blobs"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// beginUpload begins a layer of a repository and returns the upload's id.
func (s *Service) beginUpload(repo string) (string, error) {
	id := ids.UUID()
	u, err := s.blobs.Begin(id)
	if err != nil {
		return "", err
	}
	err = s.Store.Update(func(tx *store.Tx) error {
		if _, err := s.lookup(tx, repo); err != nil {
			return err
		}
		s.tables.uploads.Put(tx, id, upload{Repository: repo, Begun: s.now()})
		return nil
	})
	if err != nil {
		return "", errors.Join(err, u.Cancel(context.Background()))
	}
	return id, nil
}

// findUpload returns an upload of a repository.
func (s *Service) findUpload(repo, id string) (*blobs.Upload, error) {
	var rec upload
	var ok bool
	var err error
	s.Store.View(func(tx *store.Tx) {
		if _, err = s.lookup(tx, repo); err == nil {
			rec, ok = s.tables.uploads.Get(tx, id)
		}
	})
	if err != nil {
		return nil, err
	}
	if !ok || rec.Repository != repo {
		return nil, s.noUpload(repo, id)
	}
	u, err := s.blobs.Upload(id)
	if errors.Is(err, blobs.ErrUnknown) {
		return nil, s.noUpload(repo, id)
	}
	return u, err
}

// finishUpload makes an upload the layer d of its repository.
func (s *Service) finishUpload(ctx context.Context, repo string, u *blobs.Upload, d string) error {
	s.shelf.RLock()
	defer s.shelf.RUnlock()
	size, err := u.Finish(ctx, d)
	if err != nil {
		return err
	}
	return s.Store.Update(func(tx *store.Tx) error {
		s.tables.uploads.Delete(tx, u.ID())
		if _, err := s.lookup(tx, repo); err != nil {
			return err
		}
		s.link(tx, repo, d, layer{Size: size})
		return nil
	})
}

// cancelUpload drops an upload.
func (s *Service) cancelUpload(ctx context.Context, u *blobs.Upload) error {
	if err := u.Cancel(ctx); err != nil {
		return err
	}
	return s.Store.Update(func(tx *store.Tx) error {
		s.tables.uploads.Delete(tx, u.ID())
		return nil
	})
}

// link puts a blob into a repository.
func (s *Service) link(tx *store.Tx, repo, d string, l layer) {
	if old, ok := s.tables.layers.Get(tx, in(repo, d)); ok {
		l.MediaType = old.MediaType
	}
	l.Since = s.now()
	s.tables.layers.Put(tx, in(repo, d), l)
}

// mount links a blob of one repository into another, and tells whether it could.
func (s *Service) mount(repo, from, d string) (bool, error) {
	s.shelf.RLock()
	defer s.shelf.RUnlock()
	found := false
	err := s.Store.Update(func(tx *store.Tx) error {
		if _, err := s.lookup(tx, repo); err != nil {
			return err
		}
		l, ok := s.tables.layers.Get(tx, in(from, d))
		if ok {
			s.link(tx, repo, d, l)
		}
		found = ok
		return nil
	})
	return found, err
}

// holders lists the repositories that have a blob.
func (s *Service) holders(d string) []string {
	var names []string
	s.Store.View(func(tx *store.Tx) {
		for name := range s.repositories.All(tx, "") {
			if _, ok := s.tables.layers.Get(tx, in(name, d)); ok {
				names = append(names, name)
			}
		}
	})
	return names
}

// findLayer returns a layer of a repository. It stays for a while, used or not: whoever
// is told that it is there will not send it again.
func (s *Service) findLayer(repo, d string) (l layer, ok bool, err error) {
	s.Store.View(func(tx *store.Tx) {
		if _, err = s.lookup(tx, repo); err == nil {
			l, ok = s.tables.layers.Get(tx, in(repo, d))
		}
	})
	if !ok || err != nil || s.now().Sub(l.Since) < grace/2 {
		return l, ok, err
	}
	return l, true, s.Store.Update(func(tx *store.Tx) error {
		if l, ok = s.tables.layers.Get(tx, in(repo, d)); ok {
			l.Since = s.now()
			s.tables.layers.Put(tx, in(repo, d), l)
		}
		return nil
	})
}

// unlink removes a layer that no image uses from a repository.
func (s *Service) unlink(repo, d string) error {
	return s.Store.Update(func(tx *store.Tx) error {
		if _, err := s.lookup(tx, repo); err != nil {
			return err
		}
		if _, ok := s.tables.layers.Get(tx, in(repo, d)); !ok {
			return s.noLayers(repo, []string{d})
		}
		if s.used(tx, repo)[d] {
			return errInUse
		}
		s.tables.layers.Delete(tx, in(repo, d))
		return nil
	})
}

// errInUse is returned for what cannot be deleted because something needs it.
var errInUse = errors.New("it is part of an image")
