package s3

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
)

// maxPut is how much one request may bring.
const maxPut = 5 << 30

// blob is a written file of the folder, not yet named by a row.
type blob struct {
	file string
	size int64
	etag string
	sums map[string]string
}

// write stores what a request brings, checking what it says about it. The file is on disk
// when it returns.
func (s *Service) write(r *http.Request) (blob, error) {
	sum, err := checksumOf(r.Header)
	if err != nil {
		return blob{}, err
	}
	also := io.Discard
	if sum != nil {
		also = sum.hash
	}
	b, err := s.store(io.TeeReader(http.MaxBytesReader(nil, r.Body, maxPut), also))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			err = errTooLarge
		}
		return b, err
	}
	if err := matchMD5(r.Header.Get("Content-MD5"), b.etag); err != nil {
		return b, errors.Join(err, s.remove(b.file))
	}
	if sum != nil {
		b.sums = map[string]string{sum.header: sum.text()}
		if want := r.Header.Get(sum.header); want != "" && want != sum.text() {
			return b, errors.Join(sum.mismatch(), s.remove(b.file))
		}
	}
	return b, nil
}

// store writes a new file: beside its place, synced, then renamed.
func (s *Service) store(from io.Reader) (b blob, err error) {
	f, err := os.CreateTemp(s.Dir, "new-*")
	if err != nil {
		return b, fmt.Errorf("write object: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	h := md5.New()
	b.size, err = io.Copy(io.MultiWriter(f, h), from)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return b, err
	}
	b.file, b.etag = ids.Hex(32), hex.EncodeToString(h.Sum(nil))
	if err = os.Rename(f.Name(), filepath.Join(s.Dir, b.file)); err != nil {
		return b, fmt.Errorf("write object: %w", err)
	}
	return b, syncDir(s.Dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// remove removes files that no row names any more; "" is none.
func (s *Service) remove(files ...string) error {
	var errs []error
	for _, f := range files {
		if f == "" {
			continue
		}
		if err := os.Remove(filepath.Join(s.Dir, f)); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// drop removes files that the last change left to nobody. If that fails, the next start
// removes them.
func (s *Service) drop(files ...string) {
	if err := s.remove(files...); err != nil {
		s.Log.Warn("remove files of s3", "error", err)
	}
}

// matchMD5 compares a Content-MD5 header, if there is one.
func matchMD5(header, etag string) error {
	if header == "" {
		return nil
	}
	want, err := base64.StdEncoding.DecodeString(header)
	switch {
	case err != nil || len(want) != md5.Size:
		return errBadMD5
	case hex.EncodeToString(want) != etag:
		return errDigest
	}
	return nil
}

// joined reads several files one after the other.
type joined struct {
	dir   string
	files []string
	open  *os.File
}

func (j *joined) Read(p []byte) (int, error) {
	for {
		if j.open == nil {
			if len(j.files) == 0 {
				return 0, io.EOF
			}
			f, err := os.Open(filepath.Join(j.dir, j.files[0]))
			if err != nil {
				return 0, err
			}
			j.open, j.files = f, j.files[1:]
		}
		n, err := j.open.Read(p)
		if n > 0 || !errors.Is(err, io.EOF) {
			return n, err
		}
		err = j.open.Close()
		if j.open = nil; err != nil {
			return 0, err
		}
	}
}

// Close closes what a reader left open.
func (j *joined) Close() error {
	if j.open == nil {
		return nil
	}
	return j.open.Close()
}

// digest is a flexible checksum on its way.
type digest struct {
	header string // canonical
	hash   hash.Hash
}

func (d *digest) text() string { return base64.StdEncoding.EncodeToString(d.hash.Sum(nil)) }
