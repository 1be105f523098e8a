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
	Jobs       int                     // layers that go up at once; 0 for 4
	Progress   func(done, total int64) // bytes, called by one goroutine at a time; nil for none
}

// Pushed is what stands in the registry now.
type Pushed struct {
	Digest string // sha256:… of the manifest
	Was    bool   // the tag stood there already with the same digest
}

// ErrTagTaken is matched when the tag stands for another image and cannot be moved.
var ErrTagTaken = errors.New("the tag is taken")

const defaultJobs = 4

// Push uploads the layers that the registry lacks, then the manifest by its digest, and
// last the tag: a push that breaks off leaves no tag behind, and the next one goes on
// where it stood. What fails by the network or by a registry's 5xx is tried again, a layer
// from the byte that arrived last.
func Push(ctx context.Context, img v1.Image, o PushOptions) (Pushed, error) {
	repo, tag, err := target(o)
	if err != nil {
		return Pushed{}, err
	}
	done, err := push(ctx, img, repo, tag, o)
	if err != nil {
		return Pushed{}, explain(tag, err)
	}
	return done, nil
}

func push(ctx context.Context, img v1.Image, repo name.Repository, tag name.Tag, o PushOptions) (Pushed, error) {
	hash, err := img.Digest()
	if err != nil {
		return Pushed{}, err
	}
	all, err := layers(img)
	if err != nil {
		return Pushed{}, err
	}
	u := &uploader{repo: repo, progress: &progress{tell: o.Progress}}
	if err := again(ctx, func() error { return u.connect(ctx, o.Auth, all) }); err != nil {
		return Pushed{}, err
	}
	opts := []remote.Option{remote.WithContext(ctx), remote.WithTransport(u.client.Transport)}
	stands, err := standing(ctx, tag, opts)
	if err != nil || stands == hash {
		return Pushed{Digest: hash.String(), Was: true}, err
	}
	if err := u.all(ctx, all, o.Jobs); err != nil {
		return Pushed{}, err
	}
	if err := again(ctx, func() error { return remote.Put(repo.Digest(hash.String()), img, opts...) }); err != nil {
		return Pushed{}, err
	}
	err = again(ctx, func() error { return remote.Tag(tag, img, opts...) })
	if isTaken(err) {
		return Pushed{}, fmt.Errorf("%w by %s and cannot be moved in this repository; this image is %s: commit the change, or choose another tag", ErrTagTaken, stands, hash)
	}
	return Pushed{Digest: hash.String()}, err
}

// standing is the digest that the tag has now, zero for none.
func standing(ctx context.Context, tag name.Tag, opts []remote.Option) (v1.Hash, error) {
	var found v1.Hash
	err := again(ctx, func() error {
		d, err := remote.Head(tag, opts...)
		if d != nil {
			found = d.Digest
		}
		return err
	})
	var te *transport.Error
	if errors.As(err, &te) && te.StatusCode == http.StatusNotFound {
		return found, nil // the tag or the repository: the first upload tells which
	}
	return found, err
}

// target reads where an image goes.
func target(o PushOptions) (name.Repository, name.Tag, error) {
	repo, err := name.NewRepository(o.Repository, name.StrictValidation)
	if err != nil {
		return repo, name.Tag{}, fmt.Errorf("%w: push: %w", ErrInput, err)
	}
	tag, err := name.NewTag(o.Repository+":"+o.Tag, name.StrictValidation)
	if err != nil {
		return repo, tag, fmt.Errorf("%w: push: %w", ErrInput, err)
	}
	return repo, tag, nil
}

// connect logs in to the repository's registry, also to read where layers came from.
func (u *uploader) connect(ctx context.Context, a Auth, all []v1.Layer) error {
	scopes := []string{u.repo.Scope(transport.PushScope)}
	for _, l := range all {
		if from, ok := u.source(l); ok {
			scopes = append(scopes, from.Scope(transport.PullScope))
		}
	}
	base := loopbackOnly{transport.NewUserAgent(remote.DefaultTransport, "turnout")}
	t, err := transport.NewWithContext(ctx, u.repo.Registry, authenticator(a), base, scopes)
	u.client = &http.Client{Transport: t}
	return err
}

func authenticator(a Auth) authn.Authenticator {
	if a == (Auth{}) {
		return authn.Anonymous
	}
	return &authn.Basic{Username: a.Username, Password: a.Password}
}

func isTaken(err error) bool {
	var te *transport.Error
	if !errors.As(err, &te) {
		return false
	}
	for _, d := range te.Errors {
		if d.Code == transport.TagInvalidErrorCode {
			return true
		}
	}
	return false
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
