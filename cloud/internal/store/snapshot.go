package store

import (
	"encoding/json"
	"fmt"

	"go.etcd.io/bbolt"
)

// Snapshot writes all rows of all tables, as they stand at one moment, to a new state
// file at path, which Open opens.
func (s *Store) Snapshot(path string) error {
	all, err := s.rowsNow()
	if err != nil {
		return err
	}
	return writeFile(path, append(all, stamp()))
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
	s := newStore()
	if path == "" {
		return s, nil
	}
	if err := Check(path); err != nil {
		return nil, err
	}
	if err := s.begin(path); err != nil {
		return nil, unusable(path, err)
	}
	return s, nil
}

// begin reads what the tables of a store in memory begin with.
func (s *Store) begin(path string) error {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWithin, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // only read
	rows, err := rowsOf(db)
	s.initial = map[string][]change{}
	for _, r := range rows {
		s.initial[r.table] = append(s.initial[r.table], r)
	}
	return err
}
