package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// host is this machine's target.
const host = runtime.GOOS + "/" + runtime.GOARCH

// entry is a file of an archive.
type entry struct {
	name string // in the archive
	file string // where it is read
	mode fs.FileMode
}

// archives packs each binary with what belongs to it: a zip for Windows, else a tar.gz. The
// bill of materials stands beside the archive and in it.
func (r *release) archives(ctx context.Context) error {
	for _, t := range r.Targets {
		rest := strings.ReplaceAll(t, "/", "_")
		bill := r.fileName(rest + ".cdx.json")
		if err := r.bill(ctx, r.binary(t), bill); err != nil {
			return err
		}
		entries, err := r.contents(t, bill)
		if err != nil {
			return err
		}
		pack, ext := tarred, ".tar.gz"
		if strings.HasPrefix(t, "windows/") {
			pack, ext = zipped, ".zip"
		}
		if err := write(r.fileName(rest+ext), func(w io.Writer) error { return pack(w, entries, r.time) }); err != nil {
			return err
		}
	}
	return nil
}

// contents are what a target's archive has, in the order of the names.
func (r *release) contents(target, bill string) ([]entry, error) {
	top := strings.TrimSuffix(filepath.Base(r.fileName(strings.ReplaceAll(target, "/", "_"))), ".")
	out := []entry{
		{filepath.Base(r.binary(target)), r.binary(target), 0o755},
		{r.Name + ".cdx.json", bill, 0o644},
	}
	for _, doc := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		out = append(out, entry{doc, filepath.Join(r.Dir, doc), 0o644})
	}
	for _, dir := range []string{"completions", "man"} {
		err := filepath.WalkDir(filepath.Join(r.scratch, dir), func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(r.scratch, file)
			out = append(out, entry{filepath.ToSlash(rel), file, 0o644})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for i := range out {
		out[i].name = path.Join(top, out[i].name)
	}
	slices.SortFunc(out, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

// tarred writes a tar.gz that says nothing of who made it, or when.
func tarred(w io.Writer, entries []entry, at time.Time) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	for _, e := range entries {
		b, err := os.ReadFile(e.file)
		if err != nil {
			return err
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Mode: int64(e.mode), Size: int64(len(b)), ModTime: at, Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(b); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), z.Close())
}

func zipped(w io.Writer, entries []entry, at time.Time) error {
	z := zip.NewWriter(w)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: at}
		h.SetMode(e.mode)
		f, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(e.file)
		if err != nil {
			return err
		}
		if _, err := f.Write(b); err != nil {
			return err
		}
	}
	return z.Close()
}

// sumsFile has the SHA-256 of everything else, as sha256sum --check reads it.
const sumsFile = "SHA256SUMS"

func (r *release) sums(context.Context) error {
	files, err := os.ReadDir(r.Out) // by name
	if err != nil {
		return err
	}
	return write(filepath.Join(r.Out, sumsFile), func(w io.Writer) error {
		for _, f := range files {
			sum, err := sha256Of(filepath.Join(r.Out, f.Name()))
			if err != nil {
				return err
			}
			if f.Name() != sumsFile {
				fmt.Fprintf(w, "%x  %s\n", sum, f.Name())
			}
		}
		return nil
	})
}

func sha256Of(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return h.Sum(nil), err
}

// write makes a file of what f writes.
func write(file string, f func(io.Writer) error) error {
	w, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(f(w), w.Close())
}
