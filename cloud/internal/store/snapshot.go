package store

import (
	"encoding/json"
	"fmt"
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
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: 200 * time.Millisecond, ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { _ = db.Close() }() // only read
	s.initial = map[string][]change{}
	return s, db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error {
				s.initial[string(name)] = append(s.initial[string(name)], change{string(name), string(k), append([]byte(nil), v...)})
				return nil
			})
		})
	})
}
