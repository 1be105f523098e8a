package store

import (
	"fmt"
	"sync"

	"go.etcd.io/bbolt"
)

// change is one row as the file gets it; a nil value deletes.
type change struct {
	table, key string
	value      []byte
}

// writer owns the file: one goroutine commits whatever has queued up while it was busy.
type writer struct {
	db   *bbolt.DB
	mu   sync.Mutex
	todo []change
	wait []chan error
	kick chan struct{}
	done chan struct{}
}

func newWriter(db *bbolt.DB) *writer {
	w := &writer{db: db, kick: make(chan struct{}, 1), done: make(chan struct{})}
	go w.run()
	return w
}

// queue adds a batch, which is committed whole, and returns where its outcome arrives.
// Batches are committed in the order of the calls.
func (w *writer) queue(batch []change) <-chan error {
	c := make(chan error, 1)
	w.mu.Lock()
	w.todo = append(w.todo, batch...)
	w.wait = append(w.wait, c)
	w.mu.Unlock()
	select {
	case w.kick <- struct{}{}:
	default: // the writer is already called
	}
	return c
}

func (w *writer) run() {
	defer close(w.done)
	var failed error
	for range w.kick {
		w.mu.Lock()
		todo, wait := w.todo, w.wait
		w.todo, w.wait = nil, nil
		w.mu.Unlock()
		if failed == nil && len(todo) > 0 {
			failed = w.commit(todo)
		}
		for _, c := range wait {
			c <- failed
		}
	}
}

func (w *writer) commit(todo []change) error {
	err := w.db.Update(func(tx *bbolt.Tx) error {
		for _, c := range todo {
			b, err := tx.CreateBucketIfNotExists([]byte(c.table))
			if err != nil {
				return err
			}
			if c.value == nil {
				err = b.Delete([]byte(c.key))
			} else {
				err = b.Put([]byte(c.key), seal(c.table, c.key, c.value))
			}
			if err != nil {
				return fmt.Errorf("%s/%s: %w", c.table, c.key, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", w.db.Path(), err)
	}
	return nil
}

func (w *writer) load(table string, row func(key string, value []byte) error) error {
	return w.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(table))
		if b == nil {
			return nil
		}
		return b.ForEach(func(k, v []byte) error {
			v, err := unseal(table, string(k), v)
			if err != nil {
				return err
			}
			return row(string(k), v)
		})
	})
}

// close commits what is queued and closes the file. The store refuses new batches before.
func (w *writer) close() error {
	close(w.kick)
	<-w.done
	w.mu.Lock()
	todo, wait := w.todo, w.wait
	w.todo, w.wait = nil, nil
	w.mu.Unlock()
	var err error
	if len(todo) > 0 {
		err = w.commit(todo)
	}
	for _, c := range wait {
		c <- err
	}
	if cerr := w.db.Close(); err == nil {
		err = cerr
	}
	return err
}
