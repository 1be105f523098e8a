package layers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Store is a folder of unpacked layers. Several processes may share it.
type Store struct {
	dir    string
	owners bool
	opened func() error

	mu      sync.Mutex
	flights map[string]*flight
}

// flight is a layer being unpacked.
type flight struct {
	done chan struct{}
	err  error
}

// New returns the store in dir, which is made when it is needed. With owners, files get
// the owner, devices and attributes that the layer says; that takes root.
func New(dir string, owners bool) *Store {
	s := &Store{dir: dir, owners: owners, flights: map[string]*flight{}}
	s.opened = sync.OnceValue(s.open)
	return s
}

// bootFile names the boot of the machine in which layers were unpacked.
const bootFile = ".boot"

// open makes the folder. Layers are not synced to disk, as they can be had again: what
// was unpacked before the machine was started last may have lost content, and goes.
func (s *Store) open() error {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return err
	}
	file := filepath.Join(s.dir, bootFile)
	before, err := os.ReadFile(file)
	if err == nil && bytes.Equal(before, boot) {
		return nil
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if err := RemoveAll(filepath.Join(s.dir, e.Name())); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, boot, 0o644)
}

// Dir is the store's folder.
func (s *Store) Dir() string { return s.dir }

// Name is a layer's folder below Dir: short, as the kernel takes all layers of an image
// in one page of text, and without characters that mean something there.
func (s *Store) Name(diffID v1.Hash) string {
	sum := sha256.Sum256([]byte(diffID.String()))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

// Lacks tells whether a layer is not there.
func (s *Store) Lacks(diffID v1.Hash) bool {
	_, err := os.Stat(filepath.Join(s.dir, s.Name(diffID)))
	return err != nil
}

// Ensure unpacks a layer unless it is there. open gives its uncompressed content.
func (s *Store) Ensure(ctx context.Context, diffID v1.Hash, open func() (io.ReadCloser, error)) error {
	if err := s.opened(); err != nil {
		return fmt.Errorf("open layers: %w", err)
	}
	name := s.Name(diffID)
	for {
		if !s.Lacks(diffID) {
			return nil
		}
		f, first := s.join(name)
		if first {
			f.err = s.unpack(ctx, diffID, open)
			s.leave(name, f)
			return f.err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if f.err != nil && !errors.Is(f.err, context.Canceled) && !errors.Is(f.err, context.DeadlineExceeded) {
			return f.err
		}
		// Unpacked, or given up by another caller who has nothing to do with this one.
	}
}

func (s *Store) join(name string) (f *flight, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.flights[name]; f != nil {
		return f, false
	}
	f = &flight{done: make(chan struct{})}
	s.flights[name] = f
	return f, true
}

func (s *Store) leave(name string, f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.flights, name)
	close(f.done)
}

// unpack unpacks into a temporary folder that takes its name when all is well.
func (s *Store) unpack(ctx context.Context, diffID v1.Hash, open func() (io.ReadCloser, error)) (err error) {
	if diffID.Algorithm != "sha256" {
		return fmt.Errorf("layer %v: unknown digest algorithm", diffID)
	}
	tmp, err := os.MkdirTemp(s.dir, ".unpack-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("unpack layer %v: %w", diffID, err), RemoveAll(tmp))
		}
	}()
	content, err := open()
	if err != nil {
		return err
	}
	defer content.Close()
	sum := sha256.New()
	counted := io.TeeReader(&stoppable{ctx, content}, sum)
	if err := s.extract(counted, tmp); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, counted); err != nil { // what follows the archive counts too
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != diffID.Hex {
		return fmt.Errorf("content has digest sha256:%s", got)
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	final := filepath.Join(s.dir, s.Name(diffID))
	if err := os.Rename(tmp, final); err != nil {
		if _, other := os.Stat(final); other == nil { // another process was faster
			return RemoveAll(tmp)
		}
		return err
	}
	return nil
}

// stoppable is a reader that ends with a context.
type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s *stoppable) Read(b []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	return s.r.Read(b)
}

// RemoveAll removes a folder, whatever the modes of folders in it say.
func RemoveAll(dir string) error {
	err := os.RemoveAll(dir)
	if !errors.Is(err, os.ErrPermission) {
		return err
	}
	walk := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return err
	})
	return errors.Join(walk, os.RemoveAll(dir))
}

// Sweep removes what calls of processes that were killed left half unpacked. Nobody may be
// unpacking.
func (s *Store) Sweep() error {
	half, err := filepath.Glob(filepath.Join(s.dir, ".unpack-*"))
	for _, dir := range half {
		err = errors.Join(err, RemoveAll(dir))
	}
	return err
}
