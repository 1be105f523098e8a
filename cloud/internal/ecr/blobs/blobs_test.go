package blobs

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func begin(t *testing.T, s *Store, id string) *Upload {
	t.Helper()
	u, err := s.Begin(id)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestUploadBecomesBlob(t *testing.T) {
	for _, like := range []string{"sha256:", "sha512:"} {
		s := open(t, t.TempDir())
		u := begin(t, s, "one")
		ctx := t.Context()
		if err := u.Append(ctx, strings.NewReader("hello "), 0); err != nil {
			t.Fatal(err)
		}
		if err := u.Append(ctx, strings.NewReader("hello "), 0); !errors.Is(err, ErrRange) {
			t.Errorf("a chunk twice: %v", err)
		}
		if err := u.Append(ctx, strings.NewReader("world"), -1); err != nil {
			t.Fatal(err)
		}
		d := Of([]byte("hello world"), like)
		if n, err := u.Finish(ctx, d); n != 11 || err != nil {
			t.Fatal(n, err)
		}
		b, err := s.Read(d)
		if string(b) != "hello world" || err != nil {
			t.Errorf("read %q, %v", b, err)
		}
		if err := u.Append(ctx, strings.NewReader("!"), -1); !errors.Is(err, ErrUnknown) {
			t.Errorf("append to a finished upload: %v", err)
		}
		if got := slices.Collect(s.All()); len(got) != 1 || got[0] != d {
			t.Errorf("all are %v", got)
		}
		if err := errors.Join(s.Remove(d), s.Remove(d)); err != nil {
			t.Error(err)
		}
		if _, err := s.Open(d); !errors.Is(err, ErrUnknown) {
			t.Errorf("open a removed blob: %v", err)
		}
	}
}

func TestWrongDigestDropsUpload(t *testing.T) {
	s := open(t, t.TempDir())
	u := begin(t, s, "one")
	if err := u.Append(t.Context(), strings.NewReader("x"), -1); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Finish(t.Context(), "sha256:12"); !errors.Is(err, ErrDigest) {
		t.Errorf("no digest: %v", err)
	}
	if _, err := u.Finish(t.Context(), Of([]byte("y"), "")); !errors.Is(err, ErrDigest) {
		t.Errorf("another's digest: %v", err)
	}
	if _, err := s.Upload("one"); !errors.Is(err, ErrUnknown) {
		t.Errorf("the upload is still there: %v", err)
	}
	if got := slices.Collect(s.All()); len(got) != 0 {
		t.Errorf("published %v", got)
	}
}

// What came before a break counts, in this process and the next.
func TestBreakAndRestart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	u := begin(t, s, "one")
	broken := io.MultiReader(strings.NewReader("hello "), iotest.ErrReader(io.ErrUnexpectedEOF))
	if err := u.Append(t.Context(), broken, 0); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	if u.Size() != 6 {
		t.Fatalf("size is %d", u.Size())
	}
	s = open(t, dir)
	u, err := s.Upload("one")
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Append(t.Context(), strings.NewReader("world"), 6); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Finish(t.Context(), Of([]byte("hello world"), "")); err != nil {
		t.Fatal(err)
	}
}

// Bytes that reached the file without being counted, as on a full disk, are cut off.
func TestUncountedBytesAreCut(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	u := begin(t, s, "one")
	if err := u.Append(t.Context(), strings.NewReader("hello "), 0); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(s.uploadPath("one"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("half a chunk"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := u.Append(t.Context(), strings.NewReader("world"), 6); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Finish(t.Context(), Of([]byte("hello world"), "")); err != nil {
		t.Fatal(err)
	}
}

func TestWritersTakeTurns(t *testing.T) {
	s := open(t, t.TempDir())
	u := begin(t, s, "one")
	slow, feed := io.Pipe()
	done := make(chan error)
	go func() { done <- u.Append(context.Background(), slow, 0) }()
	if _, err := feed.Write([]byte("slow")); err != nil { // the first has its turn
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(io.ErrClosedPipe)
	if err := u.Append(ctx, strings.NewReader("x"), -1); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the second did not wait: %v", err)
	}
	feed.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := u.Cancel(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := u.Cancel(t.Context()); !errors.Is(err, ErrUnknown) {
		t.Errorf("cancelled twice: %v", err)
	}
}

func TestSameBlobAtTheSameTime(t *testing.T) {
	s := open(t, t.TempDir())
	content := make([]byte, 1<<20)
	_, _ = rand.Read(content)
	d := Of(content, "")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			u, err := s.Begin(string(rune('a' + i)))
			if err == nil {
				err = u.Append(context.Background(), bytes.NewReader(content), 0)
			}
			if err == nil {
				_, err = u.Finish(context.Background(), d)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	b, err := s.Read(d)
	if err != nil || !bytes.Equal(b, content) {
		t.Error("content differs", err)
	}
	left, err := os.ReadDir(filepath.Join(s.dir, "uploads"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestPut(t *testing.T) {
	s := open(t, t.TempDir())
	d := Of([]byte("x"), "")
	if err := errors.Join(s.Put(d, []byte("x")), s.Put(d, []byte("x"))); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(d, []byte("y")); !errors.Is(err, ErrDigest) {
		t.Error(err)
	}
}

func TestSweepTakesWhatIsOld(t *testing.T) {
	s := open(t, t.TempDir())
	begin(t, s, "old")
	begin(t, s, "new")
	long := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(s.uploadPath("old"), long, long); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(time.Now().Add(-24 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Upload("old"); !errors.Is(err, ErrUnknown) {
		t.Errorf("old: %v", err)
	}
	if _, err := s.Upload("new"); err != nil {
		t.Errorf("new: %v", err)
	}
}

func TestNamesThatAreNone(t *testing.T) {
	s := open(t, t.TempDir())
	for _, id := range []string{"", "..", "../sha256/x", `a\b`, "a/b", "none"} {
		if _, err := s.Upload(id); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, d := range []string{"", "sha256:", "sha256:../x", "sha1:" + strings.Repeat("0", 40), "sha256:" + strings.Repeat("A", 64)} {
		if Valid(d) {
			t.Errorf("%q is valid", d)
		}
		if _, err := s.Open(d); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %v", d, err)
		}
	}
}
