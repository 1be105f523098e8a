package chaos

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
)

// call makes calls of one operation through the middleware, and counts what took effect.
func call(c *Chaos, service, op string) (func() error, *int) {
	done := 0
	f := c.Middleware(service, op, func(context.Context, any) (any, error) { done++; return "ok", nil })
	return func() error { _, err := f(context.Background(), nil); return err }, &done
}

func code(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, http.ErrAbortHandler):
		return "cut"
	case errors.As(err, &api):
		return api.ErrorCode()
	}
	return err.Error()
}

func TestEveryKind(t *testing.T) {
	for kind, want := range map[Kind]struct {
		code string
		done int
	}{
		Error: {"InternalFailure", 0}, Throttle: {"Throttling", 0}, Reset: {"cut", 0}, Half: {"cut", 1}, Expired: {"ExpiredToken", 0},
	} {
		var c Chaos
		if _, err := c.Inject(Fault{Kind: kind, Service: "ecs", Operation: "Describe*", Skip: 1, Count: 1}); err != nil {
			t.Fatal(err)
		}
		hit, done := call(&c, "ecs", "DescribeServices")
		other, _ := call(&c, "ecs", "RegisterTaskDefinition")
		foreign, _ := call(&c, "ecr", "DescribeRepositories")
		got := []string{code(hit()), code(other()), code(foreign()), code(hit()), code(hit())}
		if strings.Join(got, " ") != "ok ok ok "+want.code+" ok" || *done != 2+want.done {
			t.Errorf("%s: %v, %d took effect", kind, got, *done)
		}
		if f := c.Faults(); len(f) != 1 || f[0].Hit != 1 {
			t.Errorf("%s: %+v", kind, f)
		}
	}
}

func TestDelayAndRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Chaos
		if _, err := c.Inject(Fault{Kind: Delay, Delay: 3 * time.Second}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		slow, _ := call(&c, "sts", "GetCallerIdentity")
		if err := slow(); err != nil || time.Since(began) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		c.Clear()
		if _, err := c.Inject(Fault{Kind: Error, Rate: 0.5}); err != nil {
			t.Fatal(err)
		}
		half, done := call(&c, "sts", "GetCallerIdentity")
		for range 1000 {
			_ = half() // counted below
		}
		if *done < 400 || *done > 600 {
			t.Errorf("%d of 1000 calls were whole at a rate of a half", *done)
		}
	})
}

func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := Limiter("ecs", "DescribeServices", func(context.Context, any) (any, error) { return "ok", nil })
		allowed := 0
		for range 100 {
			if _, err := f(t.Context(), nil); err == nil {
				allowed++
			} else if code(err) != "Throttling" {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Second)
		for range 100 {
			if _, err := f(t.Context(), nil); err == nil {
				allowed++
			}
		}
		if allowed != 25 {
			t.Errorf("%d calls in 5 s, want a burst of 20 and one a second", allowed)
		}
	})
}

func TestControl(t *testing.T) {
	var c Chaos
	ask := func(method, target, body string) (int, string) {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	for _, bad := range []string{`{`, `[{"kind":"fire"}]`, `[{"kind":"error","rate":2}]`, `[{"kind":"delay"}]`, `[{"kind":"error","colour":"red"}]`, `[{"kind":"error"},{"kind":"error","count":-1}]`} {
		if status, text := ask("POST", "/", bad); status != 400 || text == "" || len(c.Faults()) != 0 {
			t.Errorf("%s: %d %s", bad, status, text)
		}
	}
	if status, text := ask("POST", "/", `[{"kind":"error"},{"kind":"throttle","service":"ecs","count":2}]`); status != 200 || !strings.Contains(text, `"id":2`) {
		t.Errorf("%d %s", status, text)
	}
	if status, text := ask("DELETE", "/?id=1", ""); status != 200 || text != `{"ended":1}` {
		t.Errorf("%d %s", status, text)
	}
	if status, text := ask("GET", "/", ""); status != 200 || text != `[{"id":2,"kind":"throttle","service":"ecs","count":2,"hit":0}]` {
		t.Errorf("%d %s", status, text)
	}
	if status, text := ask("DELETE", "/", ""); status != 200 || text != `{"ended":1}` || len(c.Faults()) != 0 {
		t.Errorf("%d %s", status, text)
	}
	if status, _ := ask("PUT", "/", ""); status != 405 {
		t.Error(status)
	}
}
