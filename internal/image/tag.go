package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Version is what a source folder is called.
type Version struct {
	Commit string    // full hash, "" outside a git work tree
	Tag    string    // the commit, with "-dirty-" and a content hash when files differ from it
	Dirty  bool      // files differ from the commit, or there is none
	Time   time.Time // of the commit; zero when dirty
}

// VersionOf names the state of dir. In a clean git work tree that is the commit; else the
// content has its say, so that two different states never share a tag.
func VersionOf(ctx context.Context, dir string) (Version, error) {
	commit, err := gitOut(ctx, dir, "rev-parse", "HEAD")
	if err != nil { // no git, no repository, no commit yet
		sum, herr := hashTree(dir)
		return Version{Tag: "src-" + sum, Dirty: true}, herr
	}
	v := Version{Commit: commit, Tag: commit}
	status, err := gitOut(ctx, dir, "status", "--porcelain", "--", ".")
	if err != nil {
		return v, err
	}
	if status != "" {
		sum, err := hashChanges(ctx, dir)
		v.Dirty, v.Tag = true, commit[:min(12, len(commit))]+"-dirty-"+sum
		return v, err
	}
	if when, err := gitOut(ctx, dir, "show", "-s", "--format=%cI", "HEAD"); err == nil {
		v.Time, _ = time.Parse(time.RFC3339, when) // zero is a fine timestamp too
	}
	return v, nil
}

func gitOut(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", errors.New(strings.TrimSpace("git " + args[0] + ": " + err.Error() + " " + errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// hashChanges hashes the difference from the commit and the untracked files.
func hashChanges(ctx context.Context, dir string) (string, error) {
	diff, err := gitOut(ctx, dir, "diff", "HEAD", "--binary", "--", ".")
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, _ = io.WriteString(h, diff) // a hash takes everything
	list, err := gitOut(ctx, dir, "ls-files", "--others", "--exclude-standard", "-z")
	if err != nil {
		return "", err
	}
	for _, f := range strings.Split(list, "\x00") {
		if f == "" {
			continue
		}
		if err := hashFile(h, dir, f); err != nil {
			return "", err
		}
	}
	return short(h.Sum(nil)), nil
}

// hashTree hashes all files below dir, outside .git.
func hashTree(dir string) (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".git" {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		return hashFile(h, dir, rel)
	})
	return short(h.Sum(nil)), err
}

func hashFile(h io.Writer, dir, name string) error {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return err
	}
	_, _ = io.WriteString(h, "\x00"+name+"\x00") // a hash takes everything
	_, err = io.Copy(h, f)
	return err
}

func short(sum []byte) string { return hex.EncodeToString(sum)[:8] }
