package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
)

// Snapshot writes all rows of all tables, as they stand at one moment, to a new state
// file at path, which Open opens.
func (s *Store) Snapshot(path string) error {
	all, err := s.rowsNow()
	if err != nil {
		return err
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: 200 * time.Millisecond, NoFreelistSync: true})
	if err != nil {
		return fmt.Errorf("snapshot to %s: %w", path, err)
	}
	w := &writer{db: db}
	if err := w.commit(all); err != nil {
		_ = db.Close() // the error says enough
		return err
	}
	return db.Close()
}

// rowsNow encodes every row. Rows are immutable, so that only their collection is locked.
func (s *Store) rowsNow() ([]change, error) {
	type row struct {
		table, key string
		value      any
	}
	var rows []row
	s.mu.RLock()
	for name, t := range s.tables {
		for _, k := range t.keys {
			rows = append(rows, row{name, k, t.vals[k]})
		}
	}
	s.mu.RUnlock()
	out := make([]change, 0, len(rows))
	for _, r := range rows {
		b, err := json.Marshal(r.value)
		if err != nil {
			return nil, fmt.Errorf("table %s, row %q: %w", r.table, r.key, err)
		}
		out = append(out, change{r.table, r.key, b})
	}
	return out, nil
}

// OpenMemory makes a store that keeps its state in memory only and begins with that of
// the state file at path; an empty path begins with nothing. The file is read, not kept.
func OpenMemory(path string) (*Store, error) {
	s, err := Open("")
	if err != nil || path == "" {
		return s, err
	}
	if err := whole(func() error { return s.begin(path) }); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return s, nil
}

// begin reads what the tables of a store in memory begin with.
func (s *Store) begin(path string) error {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: 200 * time.Millisecond, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // only read
	s.initial = map[string][]change{}
	return db.View(func(tx *bbolt.Tx) error {
		left := tx.Size()
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error {
				if left -= int64(len(k) + len(v)); left < 0 { // pages that lead back to themselves, or a length that is none
					return errDamaged
				}
				s.initial[string(name)] = append(s.initial[string(name)], change{string(name), string(k), append([]byte(nil), v...)})
				return nil
			})
		})
	})
}

var errDamaged = errors.New("the state file is damaged")

// whole runs what reads a file that may be cut or overwritten. bbolt maps files into
// memory and trusts what stands in them: it panics, or touches what is not there.
func whole(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errDamaged, r)
		}
	}()
	return read()
}
