package ecr

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/ecr/blobs"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// quiet is a service without a listener, so that it can live in a bubble.
func quiet(t *testing.T, scale float64) *rig {
	t.Helper()
	st, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t}
	if r.Service, err = New(Options{Store: st, Clock: clock.New(scale), Dir: t.TempDir(), Endpoint: func() string { return "127.0.0.1:1" }}); err != nil {
		t.Fatal(err)
	}
	_, err = r.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: app})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// add puts a layer and, with a tag, an image made of it into the repository.
func (r *rig) add(content, tag string) string {
	r.t.Helper()
	d := digestOf([]byte(content))
	id, err := r.beginUpload("app")
	if err != nil {
		r.t.Fatal(err)
	}
	u, err := r.findUpload("app", id)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := u.Append(r.t.Context(), strings.NewReader(content), 0); err != nil {
		r.t.Fatal(err)
	}
	if err := r.finishUpload(r.t.Context(), "app", u, d); err != nil {
		r.t.Fatal(err)
	}
	if tag != "" {
		body := []byte(`{"schemaVersion":2,"config":{"digest":"` + d + `"},"layers":[]}`)
		if _, err := r.putImage(push{repo: "app", body: body, digest: blobs.Of(body, ""), tags: []string{tag}}); err != nil {
			r.t.Fatal(err)
		}
	}
	return d
}

func (r *rig) has(d string) bool { return slices.Contains(slices.Collect(r.blobs.All()), d) }

// start runs the service until the function that it returns is called.
func (r *rig) start() (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	return func() {
		r.t.Helper()
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	}
}

func TestUnusedLayersGoAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := quiet(t, 1)
		defer r.start()()
		used, unused, asked := r.add("used", "v1"), r.add("unused", ""), r.add("asked for", "")
		for range 3 { // somebody keeps asking for one of them
			time.Sleep(40 * time.Minute)
			if _, ok, err := r.findLayer("app", asked); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		synctest.Wait()
		if !r.has(used) || r.has(unused) || !r.has(asked) {
			t.Errorf("used %v, unused %v, asked for %v", r.has(used), r.has(unused), r.has(asked))
		}
		if _, err := r.DeleteRepository(t.Context(), &ecr.DeleteRepositoryInput{RepositoryName: app, Force: true}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(housekeeping)
		synctest.Wait()
		if left := slices.Collect(r.blobs.All()); len(left) != 0 {
			t.Errorf("left %v", left)
		}
	})
}

func TestLifecyclePolicyRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := quiet(t, 60) // an hour is a minute
		defer r.start()()
		r.add("old", "v1")
		time.Sleep(time.Second)
		r.add("new", "v2")
		if _, err := r.PutLifecyclePolicy(t.Context(), &ecr.PutLifecyclePolicyInput{RepositoryName: app, LifecyclePolicyText: aws.String(keepOne)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		out, err := r.ListImages(t.Context(), &ecr.ListImagesInput{RepositoryName: app})
		if err != nil || len(out.ImageIds) != 1 || *out.ImageIds[0].ImageTag != "v2" {
			t.Errorf("got %+v, %v", out, err)
		}
		policy, err := r.GetLifecyclePolicy(t.Context(), &ecr.GetLifecyclePolicyInput{RepositoryName: app})
		if err != nil || policy.LastEvaluatedAt == nil {
			t.Errorf("got %+v, %v", policy, err)
		}
	})
}

func TestAbandonedUploadsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := quiet(t, 1)
		id, err := r.beginUpload("app")
		if err != nil {
			t.Fatal(err)
		}
		if err := r.blobs.Sweep(time.Now().AddDate(100, 0, 0)); err != nil { // files have the real time
			t.Fatal(err)
		}
		defer r.start()()
		time.Sleep(time.Second)
		synctest.Wait()
		r.Store.View(func(tx *store.Tx) {
			if _, ok := r.tables.uploads.Get(tx, id); ok {
				t.Error("the row of a lost upload stays")
			}
		})
	})
}

func TestPullTimesReachTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := quiet(t, 1)
		stop := r.start()
		r.add("x", "v1")
		var i image
		stored := func() bool {
			r.Store.View(func(tx *store.Tx) { i, _ = r.find(tx, "app", "v1") })
			return !i.Pulled.IsZero()
		}
		stored()
		r.pulled(t.Context(), "app", i)
		if stored() {
			t.Error("stored at once: pulls are not to wait for the disk")
		}
		time.Sleep(flushPulls + time.Second)
		synctest.Wait()
		if !stored() {
			t.Error("not stored")
		}
		stop()
	})
}
