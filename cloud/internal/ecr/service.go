package ecr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/ecr/blobs"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// Options are what the service needs.
type Options struct {
	Store *store.Store
	Clock *clock.Clock
	Place arn.Place
	Dir   string // folder of layers and manifests, made when missing

	// Endpoint is the host:port that repository URIs carry and the registry is reached by.
	Endpoint func() string

	// Authorize refuses what the caller (identity.From(ctx)) may not do to a repository
	// over the registry's own protocol; actions are IAM's, such as "ecr:PutImage". The
	// error's text reaches the client. Nil permits all. The API's calls are authorized
	// before they arrive.
	Authorize func(ctx context.Context, action, repositoryARN string) error

	Log *slog.Logger // nil for slog.Default
}

// Service is ECR: API and registry.
type Service struct {
	Options
	tables
	blobs  *blobs.Store
	tokens *signer

	// shelf is held for reading from before a blob gets its name until something in the
	// store refers to it, and for writing while a blob that nothing refers to is removed.
	shelf sync.RWMutex
	pulls pulls
}

// New opens the service on its tables and folder. Nothing runs until Run.
func New(o Options) (*Service, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Service{Options: o}
	var err, err2, err3 error
	s.tables, err = openTables(o.Store)
	s.blobs, err2 = blobs.Open(filepath.Join(o.Dir, "blobs"))
	if err = errors.Join(err, err2); err == nil {
		s.tokens, err3 = newSigner(o.Store, s.keys)
	}
	if err = errors.Join(err, err3); err != nil {
		return nil, fmt.Errorf("open ecr: %w", err)
	}
	return s, nil
}

const (
	housekeeping = time.Hour        // between two runs of lifecycle policies; AWS says within 24 hours
	shortest     = 10 * time.Second // of that pause, at any time scale
	flushPulls   = time.Minute
)

// Run applies lifecycle policies, removes what nothing refers to any more and notes when
// images were pulled, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	keep := time.NewTicker(s.Clock.AtLeast(housekeeping, shortest))
	defer keep.Stop()
	flush := time.NewTicker(flushPulls)
	defer flush.Stop()
	err := s.keepHouse()
	for err == nil {
		select {
		case <-keep.C:
			err = s.keepHouse()
		case <-flush.C:
			err = s.flushPulls()
		case <-ctx.Done():
			return s.flushPulls()
		}
	}
	return fmt.Errorf("ecr housekeeping: %w", err)
}

func (s *Service) keepHouse() error { return errors.Join(s.expire(), s.sweep()) }

// repositoryARN names a repository as IAM does.
func (s *Service) repositoryARN(name string) string {
	return s.Place.Of("ecr", "repository/"+name)
}

func (s *Service) now() time.Time { return s.Clock.Now().UTC().Truncate(time.Millisecond) }
