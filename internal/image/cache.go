package image

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// cacheLife is how long a layer stays that no build used.
const cacheLife = 30 * 24 * time.Hour

// cache keeps layers: compressed below "blobs" by their digest, and below "made" by what
// they were made of. Files are written whole or not at all.
type cache struct{ dir string }

// openCache opens the folder and drops what is old.
func openCache(dir string) (*cache, error) {
	c := &cache{dir}
	for _, d := range []string{"blobs", "made", "mounts"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return nil, fmt.Errorf("layer cache: %w", err)
		}
	}
	return c, c.prune(time.Now().Add(-cacheLife))
}

func (c *cache) prune(before time.Time) error {
	var errs []error
	for _, d := range []string{"blobs", "made"} {
		entries, err := os.ReadDir(filepath.Join(c.dir, d))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if st, err := e.Info(); err == nil && st.ModTime().Before(before) {
				errs = append(errs, os.Remove(filepath.Join(c.dir, d, e.Name())))
			}
		}
	}
	return errors.Join(errs...)
}

// made is what is noted of a layer.
type made struct {
	DiffID v1.Hash `json:"diffId"`
	Digest v1.Hash `json:"digest"`
	Size   int64   `json:"size"` // compressed
}

// key names what a layer is made of; parts are JSON values.
func key(parts ...any) (string, error) {
	b, err := json.Marshal(parts)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), err
}

func (c *cache) blob(h v1.Hash) string { return filepath.Join(c.dir, "blobs", h.Hex) }

// find returns the layer made of key, or nil.
func (c *cache) find(key string) *cached {
	file := filepath.Join(c.dir, "made", key)
	b, err := os.ReadFile(file)
	var m made
	if err != nil || json.Unmarshal(b, &m) != nil {
		return nil
	}
	l := &cached{made: m, file: c.blob(m.Digest)}
	if st, err := os.Stat(l.file); err != nil || st.Size() != m.Size {
		return nil
	}
	now := time.Now()
	if os.Chtimes(file, now, now) != nil || os.Chtimes(l.file, now, now) != nil {
		return nil // somebody else's prune was faster
	}
	return l
}

// note remembers under key what a layer is.
func (c *cache) note(key string, m made) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return c.write(filepath.Join(c.dir, "made", key), func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// write makes a file whole: temporary, synced, renamed.
func (c *cache) write(file string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".tmp-")
	if err != nil {
		return err
	}
	err = fill(f)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error matters; prune takes what is left
	}
	return err
}

// compress makes a layer of a tar, unless it did before: gzip takes longer than everything
// else together.
func (c *cache) compress(diffID v1.Hash, tar func() (io.ReadCloser, error)) (*cached, error) {
	k, err := key("gzip", runtime.Version(), diffID) // compressors differ between versions
	if err != nil {
		return nil, err
	}
	if l := c.find(k); l != nil {
		return l, nil
	}
	in, err := tar()
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }() // only read
	m, err := c.store(func(w io.Writer) error {
		z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err != nil {
			return err
		}
		_, err = io.Copy(z, in)
		return errors.Join(err, z.Close())
	})
	if err != nil {
		return nil, err
	}
	m.DiffID = diffID
	return &cached{made: m, file: c.blob(m.Digest)}, c.note(k, m)
}

// store keeps a blob under its digest.
func (c *cache) store(fill func(io.Writer) error) (m made, err error) {
	f, err := os.CreateTemp(filepath.Join(c.dir, "blobs"), ".tmp-")
	if err != nil {
		return m, err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // as in write
		}
	}()
	n := &counter{w: f, h: sha256.New()}
	err = fill(n)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return m, err
	}
	m.Digest, m.Size = n.sum(), n.n
	return m, os.Rename(f.Name(), c.blob(m.Digest))
}

// counter hashes and counts what passes.
type counter struct {
	w io.Writer
	h hash.Hash
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	_, _ = c.h.Write(p[:n]) // a hash takes everything
	c.n += int64(n)
	return n, err
}

func (c *counter) sum() v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(c.h.Sum(nil))}
}

// cached is a layer whose compressed form is a file.
type cached struct {
	made
	file string
	kind types.MediaType
}

// as gives the layer the media type of the image that it goes into.
func (l *cached) as(kind types.MediaType) *cached {
	of := *l
	of.kind = kind
	return &of
}

func (l *cached) Digest() (v1.Hash, error)            { return l.made.Digest, nil }
func (l *cached) DiffID() (v1.Hash, error)            { return l.made.DiffID, nil }
func (l *cached) Size() (int64, error)                { return l.made.Size, nil }
func (l *cached) MediaType() (types.MediaType, error) { return l.kind, nil }
func (l *cached) Compressed() (io.ReadCloser, error)  { return os.Open(l.file) }

// Uncompressed is the layer's tar.
func (l *cached) Uncompressed() (io.ReadCloser, error) {
	rc, err := l.Compressed()
	if err != nil {
		return nil, err
	}
	return decompress(rc)
}
