package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// FileError is why a state file cannot be used. It was not changed.
type FileError struct {
	Path string
	Err  error
	Next string // what to do
}

func (e *FileError) Error() string { return fmt.Sprintf("state file %s: %v", e.Path, e.Err) }
func (e *FileError) Unwrap() error { return e.Err }

var (
	errNoFile  = errors.New("it is not a file")
	errDamaged = errors.New("it is damaged")
	errNewer   = errors.New("it was written by a newer program")
)

// unusable says what to do about a file that cannot be used.
func unusable(path string, err error) error {
	e := &FileError{Path: path, Err: err, Next: "mend that and start again"}
	var at *fs.PathError
	if errors.As(err, &at) {
		e.Err = at.Err // the path is told once
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, errNewer):
		e.Next = "use that program, or move the file away to begin with an empty state"
	case errors.Is(err, ErrInUse):
		e.Next = "end that process"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		e.Next = "make the file and its folder writable"
	case errors.Is(err, errDamaged), errors.Is(err, errNoFile), errors.As(err, &syntax), errors.As(err, &kind):
		e.Next = fmt.Sprintf("move it away (mv %[1]s %[1]s.damaged) to begin with an empty state; \"turnout snapshot load\" brings a saved one back", path)
	}
	return e
}

const lockWithin = 200 * time.Millisecond

// openFile opens the file at path, or makes it.
func openFile(path string) (*bbolt.DB, error) {
	version, err := checked(path)
	if errors.Is(err, fs.ErrNotExist) {
		version, err = formNow, create(path)
	}
	if err != nil {
		return nil, err
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWithin, FreelistType: bbolt.FreelistMapType, NoFreelistSync: true})
	if errors.Is(err, bolterrors.ErrTimeout) {
		err = ErrInUse
	}
	if err != nil {
		return nil, unusable(path, err)
	}
	if version < formNow {
		if err := renew(db); err != nil {
			return nil, unusable(path, errors.Join(err, db.Close()))
		}
	}
	return db, nil
}

// renew gives a file of an older form the present one.
func renew(db *bbolt.DB) error {
	rows, err := rowsOf(db)
	if err != nil {
		return err
	}
	return (&writer{db: db}).commit(append(rows, stamp()))
}

// rowsOf reads all that a file has.
func rowsOf(db *bbolt.DB) (rows []change, err error) {
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error {
				v, err := unseal(string(name), string(k), v)
				rows = append(rows, change{string(name), string(k), bytes.Clone(v)})
				return err
			})
		})
	})
	return rows, err
}

// Check tells whether a state file is whole; its errors are *FileError.
func Check(path string) error {
	_, err := checked(path)
	return err
}

func checked(path string) (form, error) {
	version, err := readThrough(path)
	if err == nil {
		return version, nil
	}
	if errors.Is(err, errDamaged) && inUse(path) {
		err = ErrInUse // it was read while it was written
	}
	return 0, unusable(path, err)
}

// create makes a state file, whole or not at all: one that is empty was not made here.
func create(path string) error {
	next := path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a start that was cut off
		return unusable(path, err)
	}
	if err := writeFile(next, []change{stamp()}); err != nil {
		return unusable(path, err)
	}
	err := os.Link(next, path) // unlike a rename it replaces nobody's
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = os.Rename(next, path) // where there are no links
	} else {
		err = os.Remove(next)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return unusable(path, err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeFile makes a state file at path that has the rows.
func writeFile(path string, rows []change) error {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWithin, NoFreelistSync: true})
	if err != nil {
		return err
	}
	return errors.Join((&writer{db: db}).commit(rows), db.Close())
}
