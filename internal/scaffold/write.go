package scaffold

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/turnoutdev/turnout/internal/fault"
)

// Write puts the files below dir: all of them or, when one cannot be written, none. A
// file that stands already with other content is only replaced with force. It returns
// the paths that it wrote; what stood already as it was to be is left alone.
func Write(dir string, files []File, force bool) ([]string, error) {
	todo, err := changed(dir, files, force)
	if err != nil {
		return nil, err
	}
	w := &writer{}
	for _, f := range todo {
		if err := w.stage(filepath.Join(dir, filepath.FromSlash(f.Path)), f.Data); err != nil {
			return nil, errors.Join(err, w.undo())
		}
	}
	if err := w.commit(); err != nil {
		return nil, errors.Join(err, w.undo())
	}
	paths := make([]string, len(todo))
	for i, f := range todo {
		paths[i] = f.Path
	}
	return paths, nil
}

// changed are the files that are not as they are to be.
func changed(dir string, files []File, force bool) ([]File, error) {
	var todo []File
	var taken []string
	for _, f := range files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) {
			return nil, fault.New(fault.Usage, "paths are relative to the project's folder and stay in it", "%q does not stand below %s", f.Path, dir)
		}
		have, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(f.Path)))
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			return nil, err
		case string(have) == string(f.Data):
			continue
		default:
			taken = append(taken, f.Path)
		}
		todo = append(todo, f)
	}
	if len(taken) > 0 && !force {
		return nil, fault.New(fault.Usage, "move them away, choose another folder, or replace them with --force; nothing was written", "standing already: %s", strings.Join(taken, ", "))
	}
	return todo, nil
}

// writer writes files beside their places first, and then moves all of them there.
type writer struct {
	folders []string // made, in order
	staged  []staged
}

type staged struct{ target, next, before string }

// stage writes data beside target.
func (w *writer) stage(target string, data []byte) error {
	if err := w.folder(filepath.Dir(target)); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(target), ".turnout-*")
	if err != nil {
		return err
	}
	w.staged = append(w.staged, staged{target: target, next: f.Name()})
	_, err = f.Write(data)
	return errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
}

// folder makes a folder and those above it, and remembers which were not there.
func (w *writer) folder(path string) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := w.folder(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		return err
	}
	w.folders = append(w.folders, path)
	return nil
}

// commit moves every file to its place. What it replaces is kept aside until all are there.
func (w *writer) commit() error {
	for i := range w.staged {
		s := &w.staged[i]
		if _, err := os.Lstat(s.target); err == nil {
			s.before = s.next + ".before"
			if err := os.Rename(s.target, s.before); err != nil {
				s.before = ""
				return err
			}
		}
		if err := os.Rename(s.next, s.target); err != nil {
			return err
		}
		s.next = ""
	}
	var errs []error
	for _, s := range w.staged {
		if s.before != "" {
			errs = append(errs, os.Remove(s.before))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove what was replaced: %w", err)
	}
	return nil
}

// undo takes everything back.
func (w *writer) undo() error {
	var errs []error
	for _, s := range w.staged {
		if s.next == "" {
			errs = append(errs, os.Remove(s.target))
		} else {
			errs = append(errs, os.Remove(s.next))
		}
		if s.before != "" {
			errs = append(errs, os.Rename(s.before, s.target))
		}
	}
	for i := len(w.folders) - 1; i >= 0; i-- {
		errs = append(errs, os.Remove(w.folders[i]))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("take back what was written: %w", err)
	}
	return nil
}
