package image

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

const (
	attempts   = 6
	firstPause = 200 * time.Millisecond // doubled after each attempt
)

// again calls f until it succeeds, fails for good, or has failed too often.
func again(ctx context.Context, f func() error) error {
	pause := firstPause
	for n := 1; ; n++ {
		err := f()
		if err == nil || n == attempts || !passing(ctx, err) {
			return err
		}
		t := time.NewTimer(pause + rand.N(pause/4))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		}
		pause *= 2
	}
}

// passing tells whether an error may not happen the next time: the network's, and what a
// registry blames itself for.
func passing(ctx context.Context, err error) bool {
	var te *transport.Error
	var cert *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil, errors.Is(err, errPlain), errors.As(err, &cert), errors.Is(err, errContent):
		return false
	case errors.As(err, &te):
		return te.StatusCode >= 500 || te.StatusCode == http.StatusTooManyRequests || te.StatusCode == http.StatusRequestTimeout
	}
	return true
}
