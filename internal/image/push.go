package image

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Auth is a registry's user and password.
type Auth struct{ Username, Password string }

// PushOptions say where an image goes.
type PushOptions struct {
	Repository string // host/name
	Tag        string
	Auth       Auth
	Progress   func(done, total int64) // bytes; nil for none
}

// Pushed is what stands in the registry now.
type Pushed struct {
	Digest string // sha256:… of the manifest
	Was    bool   // the tag stood there already with the same digest
}

// jobs is how many layers go up at once.
const jobs = 4

// Push uploads the layers that the registry lacks, then the manifest by its digest, and
// last the tag: a push that breaks off leaves no tag behind, and the next one goes on
// where it stood.
func Push(ctx context.Context, img v1.Image, o PushOptions) (Pushed, error) {
	repo, err := name.NewRepository(o.Repository, name.StrictValidation)
	if err != nil {
		return Pushed{}, fmt.Errorf("push: %w", err)
	}
	tag := repo.Tag(o.Tag)
	hash, err := img.Digest()
	if err != nil {
		return Pushed{}, fmt.Errorf("push %s: %w", tag, err)
	}
	opts := []remote.Option{
		remote.WithContext(ctx), remote.WithJobs(jobs), remote.WithUserAgent("turnout"),
		remote.WithAuth(authn.FromConfig(authn.AuthConfig{Username: o.Auth.Username, Password: o.Auth.Password})),
	}
	if d, err := remote.Head(tag, opts...); err == nil && d.Digest == hash {
		return Pushed{Digest: hash.String(), Was: true}, nil
	}
	write := opts
	if o.Progress != nil {
		updates := make(chan v1.Update, 16)
		finished := make(chan struct{})
		go func() {
			defer close(finished)
			for u := range updates {
				o.Progress(u.Complete, u.Total)
			}
		}()
		defer func() { <-finished }() // Write closes updates
		write = append(opts[:len(opts):len(opts)], remote.WithProgress(updates))
	}
	if err := remote.Write(repo.Digest(hash.String()), img, write...); err != nil {
		return Pushed{}, explain(tag, err)
	}
	if err := remote.Tag(tag, img, opts...); err != nil {
		return Pushed{}, explain(tag, err)
	}
	return Pushed{Digest: hash.String()}, nil
}

// explain says a registry's refusal in one line.
func explain(tag name.Tag, err error) error {
	var te *transport.Error
	if !errors.As(err, &te) {
		return fmt.Errorf("push %s: %w", tag, err)
	}
	for _, d := range te.Errors {
		if d.Message != "" {
			return fmt.Errorf("push %s: %s", tag, d.Message)
		}
	}
	switch te.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("push %s: the registry refused the credentials (%d)", tag, te.StatusCode)
	}
	return fmt.Errorf("push %s: %w", tag, err)
}
