package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// A generation is what a cloud holds from one reset to the next: the store, the parts and
// their engines. The listener, the address and the root user's key outlive it.
type generation struct {
	ctx    context.Context // ends when the generation is to end; calls in flight end too
	cancel context.CancelFunc
	calls  sync.WaitGroup // those in flight
	ended  chan struct{}  // closed when all engines have ended
}

// begin opens the store, makes the parts and starts their engines. from is a state file
// to begin with where the cloud keeps none itself, "" for an empty state. The error of an
// engine that ends early goes to fail.
func (c *Cloud) begin(ctx context.Context, from string, fail func(error)) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, c.free(ctx))
		}
	}()
	if c.opts.State != "" {
		c.store, err = store.Open(filepath.Join(c.dir, stateFile))
	} else {
		c.store, err = store.OpenMemory(from)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOptions, err)
	}
	parts, err := c.assemble(ctx)
	if err != nil {
		return err
	}
	parts.elb.Publish() // who is told where a listener is finds it listening
	g := &generation{ended: make(chan struct{})}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	var engines sync.WaitGroup
	for _, e := range parts.engines {
		engines.Go(func() {
			if err := e.run(g.ctx); err != nil && g.ctx.Err() == nil {
				fail(fmt.Errorf("%s: %w", e.name, err))
			}
		})
	}
	go func() {
		engines.Wait()
		close(g.ended)
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parts, c.gen = parts, g
	return nil
}

// end lets no further call in, ends those in flight and the engines, and frees the parts.
func (c *Cloud) end(ctx context.Context) error {
	c.mu.Lock()
	g := c.gen
	c.gen = nil
	c.mu.Unlock()
	if g == nil {
		return c.free(ctx)
	}
	g.cancel()
	left := make(chan struct{})
	go func() {
		g.calls.Wait()
		<-g.ended
		close(left)
	}()
	select {
	case <-left:
		return c.free(ctx)
	case <-time.After(endWithin):
		return errors.Join(errors.New("calls in flight do not end"), c.free(ctx))
	}
}

// endWithin bounds the wait for calls in flight: one may read from a client that hangs.
const endWithin = 10 * time.Second

// interrupt ends the calls in flight and the engines; end waits for them.
func (c *Cloud) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gen != nil {
		c.gen.cancel()
	}
}

// free closes the parts and the store.
func (c *Cloud) free(ctx context.Context) error {
	var errs []error
	c.mu.Lock()
	p := c.parts
	c.parts = nil
	c.mu.Unlock()
	if p != nil {
		errs = append(errs, p.close(ctx))
	}
	if c.store != nil {
		errs = append(errs, c.store.Close())
		c.store = nil
	}
	return errors.Join(errs...)
}

// ServeHTTP serves the API: the cloud's own controls, and AWS's services.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		c.tunnel(w, r)
		return
	}
	if contained(r.Context()) && ofMachine(r.URL.Path) {
		http.Error(w, "a task or function reaches AWS's APIs, the registry and its own metadata; "+ownPath+" is for this machine's users", http.StatusForbidden)
		return
	}
	if h := c.controls[r.Method+" "+r.URL.Path]; h != nil {
		c.control(w, r, h)
		return
	}
	c.mu.Lock()
	g, p := c.gen, c.parts
	if g != nil {
		g.calls.Add(1)
	}
	c.mu.Unlock()
	if g == nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the local cloud is being reset", http.StatusServiceUnavailable)
		return
	}
	defer g.calls.Done()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(g.ctx, cancel)()
	r = r.WithContext(ctx)
	defer patient(g.ctx, w, r)()
	p.api.ServeHTTP(w, r)
}

// current is the parts that are in force, nil while the cloud is reset or ended.
func (c *Cloud) current() *parts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parts
}

// Reset takes the cloud back to its beginning: nothing runs, nothing is stored. Address
// and root key stay, so that clients need not be told.
func (c *Cloud) Reset(ctx context.Context) error {
	return c.replace(ctx, func() (string, error) { return "", c.wipe() })
}

// replace ends the generation and begins another on what prepare leaves in the folder.
func (c *Cloud) replace(ctx context.Context, prepare func() (from string, err error)) error {
	c.change.Lock()
	defer c.change.Unlock()
	if err := c.end(ctx); err != nil {
		return err
	}
	from, err := prepare()
	if err == nil {
		err = c.begin(ctx, from, c.fail)
	}
	if err != nil {
		c.fail(fmt.Errorf("begin again: %w", err)) // half a cloud serves nobody
	}
	return err
}

// wipe removes what generations keep in the folder.
func (c *Cloud) wipe() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if keptByReset[e.Name()] {
			continue
		}
		if err := os.RemoveAll(filepath.Join(c.dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// keptByReset is what stands in the state folder beside the state: the handle by which
// the command line finds the cloud, its log, and its certificate authority.
var keptByReset = map[string]bool{"cloud.json": true, "cloud.log": true, "ca": true, lockFile: true}

// stateFile is the store's file in the state folder.
const stateFile = "state.db"
