// Package store keeps a cloud's state: typed tables in memory, written through to one
// bbolt file.
//
// All reads come from memory. A write runs alone (Update), changes memory, and is
// acknowledged when the file has it: a single writer takes what has queued up and commits
// it in one transaction, so that concurrent writers share one fsync. What Update
// acknowledged survives kill -9. A reader may see a write shortly before it is durable;
// whatever it then writes itself is queued behind it.
//
// Rows are immutable: put a changed copy, never change what Get returned.
// Should the disk fail or be full, every later Update returns that error and Run ends with
// it: the process is expected to end. What was not acknowledged may be in the file or not.
//
// A file that was cut, overwritten or made by a newer program is refused, by a *FileError,
// before bbolt sees it (check.go); rows have sums. What cannot be told from the file of a
// moment earlier is not noticed: a newest meta page that is destroyed counts as torn by a
// crash, and costs the last transaction.
package store

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync"
)

// ErrInUse is returned by Open when another process holds the file.
var ErrInUse = errors.New("state folder is in use by another process")

// Store is a set of tables. Open one per cloud.
type Store struct {
	mu     sync.RWMutex
	tables map[string]*rows
	failed error
	broken chan struct{} // closed when failed is set
	closed bool

	writer  *writer             // nil in memory-only stores
	initial map[string][]change // what a memory-only store begins with, by table

	subMu sync.Mutex
	subs  map[*Subscription]struct{}
}

// rows is one table: its values by key, and its keys in order.
type rows struct {
	vals   map[string]any
	keys   []string
	decode func([]byte) (any, error)
}

// Open opens or makes the state file at path. An empty path keeps state in memory only. A
// file that cannot be used is a *FileError, and left as it is.
func Open(path string) (*Store, error) {
	s := newStore()
	if path == "" {
		return s, nil
	}
	db, err := openFile(path)
	if err != nil {
		return nil, err
	}
	s.writer = newWriter(db)
	return s, nil
}

func newStore() *Store {
	return &Store{tables: map[string]*rows{}, subs: map[*Subscription]struct{}{}, broken: make(chan struct{})}
}

// Close waits until all that was acknowledged or queued is on disk and closes the file.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	if s.writer == nil {
		return nil
	}
	return s.writer.close()
}

// Update runs fn alone, with everybody else's writes visible, and returns when what it
// wrote is durable. If fn returns an error nothing is changed. fn must not call Update or
// View, and must not wait for anything.
func (s *Store) Update(fn func(*Tx) error) error {
	tx, wait, err := s.apply(fn)
	if err != nil {
		return err
	}
	s.notify(tx)
	if wait == nil {
		return nil
	}
	if err := <-wait; err != nil {
		return s.fail(err)
	}
	return nil
}

// fail refuses all later updates.
func (s *Store) fail(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = fmt.Errorf("state is no longer written: %w", err)
		close(s.broken)
	}
	return s.failed
}

// Run watches over the file until ctx ends; it returns earlier, with an error, when the file
// can no longer be written.
func (s *Store) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.broken:
		s.mu.RLock()
		defer s.mu.RUnlock()
		return s.failed
	}
}

// apply runs fn, commits its changes to memory and queues them for the writer.
func (s *Store) apply(fn func(*Tx) error) (*Tx, <-chan error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, errors.New("store is closed")
	}
	if s.failed != nil {
		return nil, nil, s.failed
	}
	tx := &Tx{s: s, write: true}
	if err := fn(tx); err != nil {
		return nil, nil, err
	}
	if len(tx.changes) == 0 {
		return tx, nil, nil
	}
	var batch []change
	if s.writer != nil {
		var err error
		if batch, err = tx.encode(); err != nil {
			return nil, nil, err
		}
	}
	for table, staged := range tx.changes {
		s.tables[table].merge(staged)
	}
	if s.writer == nil {
		return tx, nil, nil
	}
	return tx, s.writer.queue(batch), nil
}

// View runs fn over one consistent state. fn must not call Update, and must not wait.
func (s *Store) View(fn func(*Tx)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	fn(&Tx{s: s})
}

// merge puts staged values (nil deletes) into the table.
func (r *rows) merge(staged map[string]any) {
	for k, v := range staged {
		_, had := r.vals[k]
		i := sort.SearchStrings(r.keys, k)
		switch {
		case v == nil && had:
			delete(r.vals, k)
			r.keys = append(r.keys[:i:i], r.keys[i+1:]...) // a copy: iterators may hold the old slice
		case v != nil && !had:
			r.vals[k] = v
			keys := make([]string, 0, len(r.keys)+1)
			r.keys = append(append(append(keys, r.keys[:i]...), k), r.keys[i:]...)
		case v != nil:
			r.vals[k] = v
		}
	}
}
