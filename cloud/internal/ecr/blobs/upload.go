package blobs

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
)

// ErrRange is returned for a chunk that does not begin where the upload ends.
var ErrRange = errors.New("chunk is out of order")

// Upload is a blob that is on its way. Writers wait for each other; Size does not wait.
type Upload struct {
	s     *Store
	id    string
	busy  chan struct{} // holds one token while somebody writes
	size  atomic.Int64
	hash  hash.Hash // SHA-256 of the first size bytes; nil when it must be computed again
	ended bool      // finished or cancelled; guarded by busy
}

// Begin begins an upload. The id must be new and a plain file name.
func (s *Store) Begin(id string) (*Upload, error) {
	f, err := os.OpenFile(s.uploadPath(id), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	u := &Upload{s: s, id: id, busy: make(chan struct{}, 1), hash: sha256.New()}
	s.mu.Lock()
	s.uploads[id] = u
	s.mu.Unlock()
	return u, nil
}

// Upload returns the upload called id, or ErrUnknown. After a restart it continues where
// the file ends.
func (s *Store) Upload(id string) (*Upload, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.uploads[id]; u != nil {
		return u, nil
	}
	if id == "" || strings.ContainsAny(id, `/\.`) {
		return nil, ErrUnknown
	}
	st, err := os.Stat(s.uploadPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrUnknown
	}
	if err != nil {
		return nil, err
	}
	u := &Upload{s: s, id: id, busy: make(chan struct{}, 1)}
	u.size.Store(st.Size())
	s.uploads[id] = u
	return u, nil
}

func (s *Store) uploadPath(id string) string { return filepath.Join(s.dir, "uploads", id) }

func (s *Store) forget(id string) {
	s.mu.Lock()
	delete(s.uploads, id)
	s.mu.Unlock()
}

// ID is the name that Upload finds it by.
func (u *Upload) ID() string { return u.id }

// Size is how many bytes have arrived.
func (u *Upload) Size() int64 { return u.size.Load() }

// enter waits for its turn to write.
func (u *Upload) enter(ctx context.Context) error {
	select {
	case u.busy <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if u.ended {
		u.leave()
		return ErrUnknown
	}
	return nil
}

func (u *Upload) leave() { <-u.busy }

var buffers = sync.Pool{New: func() any { b := make([]byte, 128<<10); return &b }}

// Append adds what r has, which must begin at byte at of the blob; at < 0 says that it
// does. What arrived before r failed stays, so that a client can go on from Size.
func (u *Upload) Append(ctx context.Context, r io.Reader, at int64) error {
	if err := u.enter(ctx); err != nil {
		return err
	}
	defer u.leave()
	if at >= 0 && at != u.Size() {
		return ErrRange
	}
	return u.append(r)
}

func (u *Upload) append(r io.Reader) (err error) {
	f, err := os.OpenFile(u.s.uploadPath(u.id), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrUnknown
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := u.resume(f); err != nil {
		return err
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	_, err = io.CopyBuffer(onlyWriter{&counted{u, f}}, onlyReader{r}, *buf)
	return err
}

// resume puts f at the end of what is known to be hashed, and cuts off what is not.
func (u *Upload) resume(f *os.File) error {
	if u.hash == nil {
		h := sha256.New()
		if _, err := io.Copy(h, io.LimitReader(f, u.Size())); err != nil {
			return err
		}
		u.hash = h
	}
	if err := f.Truncate(u.Size()); err != nil {
		return err
	}
	_, err := f.Seek(u.Size(), io.SeekStart)
	return err
}

// counted writes to the file and then to the hash, so that both agree with size.
type counted struct {
	u *Upload
	f *os.File
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.f.Write(p)
	_, _ = c.u.hash.Write(p[:n]) // a hash takes everything
	c.u.size.Add(int64(n))
	return n, err
}

type (
	onlyWriter struct{ io.Writer }
	onlyReader struct{ io.Reader } // hides WriteTo, which brings a buffer of its own
)

// Finish makes the upload the blob d, or returns ErrDigest and drops it.
func (u *Upload) Finish(ctx context.Context, d string) (size int64, err error) {
	if err := u.enter(ctx); err != nil {
		return 0, err
	}
	defer u.leave()
	if err := u.seal(d); err != nil {
		return 0, fmt.Errorf("finish upload: %w", err)
	}
	size = u.Size()
	return size, u.end()
}

// seal checks the digest and publishes the file.
func (u *Upload) seal(d string) (err error) {
	if !Valid(d) {
		return ErrDigest
	}
	f, err := os.OpenFile(u.s.uploadPath(u.id), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrUnknown
	}
	if err != nil {
		return err
	}
	got, err := u.digest(f, d)
	if err == nil && got != d {
		err = errors.Join(ErrDigest, u.end())
	}
	if err == nil && !u.s.has(d) {
		if err = f.Sync(); err == nil {
			err = u.s.publish(f.Name(), d)
		}
	}
	return errors.Join(err, f.Close())
}

// digest is the upload's by the algorithm of like.
func (u *Upload) digest(f *os.File, like string) (string, error) {
	if err := u.resume(f); err != nil {
		return "", err
	}
	if !strings.HasPrefix(like, "sha512:") {
		return format("sha256", u.hash), nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	h := newHash(like)
	_, err := io.Copy(h, f)
	return format("sha512", h), err
}

// Cancel drops the upload.
func (u *Upload) Cancel(ctx context.Context) error {
	if err := u.enter(ctx); err != nil {
		return err
	}
	defer u.leave()
	return u.end()
}

func (u *Upload) end() error {
	u.ended = true
	u.s.forget(u.id)
	if err := os.Remove(u.s.uploadPath(u.id)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
