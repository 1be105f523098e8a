package store

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sort"
	"strings"
)

// Tx is the state as one Update or View sees it; it ends with the function it was given to.
type Tx struct {
	s       *Store
	write   bool
	changes map[string]map[string]any // table → key → new value, nil to delete
}

// Table is a named, ordered set of rows of one type. T must survive encoding/json.
type Table[T any] struct{ name string }

// NewTable registers a table and loads its rows. Call it once per name, before the first
// Update or View; a row that does not decode is an error that names it.
func NewTable[T any](s *Store, name string) (Table[T], error) {
	decode := func(b []byte) (any, error) {
		var v T
		err := json.Unmarshal(b, &v)
		return v, err
	}
	r := &rows{vals: map[string]any{}, decode: decode}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, dup := s.tables[name]; dup {
		return Table[T]{}, fmt.Errorf("table %s: registered twice", name)
	}
	s.tables[name] = r
	return Table[T]{name}, s.load(name, func(key string, b []byte) error {
		v, err := decode(b)
		if err != nil {
			return fmt.Errorf("table %s, row %q: %w", name, key, err)
		}
		r.vals[key] = v
		r.keys = append(r.keys, key) // in key order, as bbolt iterates
		return nil
	})
}

// load calls row for what a table begins with.
func (s *Store) load(table string, row func(key string, value []byte) error) error {
	if s.writer != nil {
		if err := s.writer.load(table, row); err != nil {
			return unusable(s.writer.db.Path(), err)
		}
		return nil
	}
	for _, c := range s.initial[table] {
		if err := row(c.key, c.value); err != nil {
			return err
		}
	}
	delete(s.initial, table)
	return nil
}

// Name is the table's name, for Subscribe.
func (t Table[T]) Name() string { return t.name }

// Get returns the row of key.
func (t Table[T]) Get(tx *Tx, key string) (T, bool) {
	v, ok := tx.get(t.name, key)
	if !ok {
		var zero T
		return zero, false
	}
	return v.(T), true
}

// Put sets the row of key.
func (t Table[T]) Put(tx *Tx, key string, v T) { tx.stage(t.name, key, v) }

// Delete removes the row of key, if there is one.
func (t Table[T]) Delete(tx *Tx, key string) { tx.stage(t.name, key, nil) }

// All iterates over the rows whose keys begin with prefix, in key order. Rows may be put
// and deleted meanwhile: the iteration shows them as they were when it began.
func (t Table[T]) All(tx *Tx, prefix string) iter.Seq2[string, T] {
	keys := tx.keys(t.name, prefix)
	return func(yield func(string, T) bool) {
		for _, k := range keys {
			v, ok := tx.get(t.name, k)
			if ok && !yield(k, v.(T)) {
				return
			}
		}
	}
}

func (tx *Tx) get(table, key string) (any, bool) {
	if staged, ok := tx.changes[table]; ok {
		if v, ok := staged[key]; ok {
			return v, v != nil
		}
	}
	v, ok := tx.s.tables[table].vals[key]
	return v, ok
}

func (tx *Tx) stage(table, key string, v any) {
	if !tx.write {
		panic("store: write in a View")
	}
	if tx.changes == nil {
		tx.changes = map[string]map[string]any{}
	}
	if tx.changes[table] == nil {
		tx.changes[table] = map[string]any{}
	}
	tx.changes[table][key] = v
}

// keys returns the table's keys with the prefix, staged ones included.
func (tx *Tx) keys(table, prefix string) []string {
	all := tx.s.tables[table].keys
	from := sort.SearchStrings(all, prefix)
	to := from + sort.Search(len(all)-from, func(i int) bool { return !strings.HasPrefix(all[from+i], prefix) })
	part := all[from:to:to]
	staged := tx.changes[table]
	if len(staged) == 0 {
		return part
	}
	set := make(map[string]struct{}, len(part)+len(staged))
	for _, k := range part {
		set[k] = struct{}{}
	}
	for k := range staged {
		if strings.HasPrefix(k, prefix) {
			set[k] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

func (tx *Tx) encode() ([]change, error) {
	var out []change
	for table, staged := range tx.changes {
		for key, v := range staged {
			c := change{table: table, key: key}
			if v != nil {
				b, err := json.Marshal(v)
				if err != nil {
					return nil, fmt.Errorf("table %s, row %q: %w", table, key, err)
				}
				c.value = b
			}
			out = append(out, c)
		}
	}
	return out, nil
}
