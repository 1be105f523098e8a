package agent

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// talker says hello, a second later goodbye, and exits.
func talker(a *actor) runtime.Exit {
	a.say("hello\nhalf a ")
	time.Sleep(time.Second)
	a.say("line\ngoodbye")
	return runtime.Exit{}
}

func TestLogsAreReadFollowedAndKept(t *testing.T) {
	story(t, 1, func(s *stage) { s.programs = map[string]program{"app": talker} }, func(r *rig) {
		task := r.start(define(named("app")))
		r.same("so far", read(r.T, task.Logs, false), "hello\nhalf a ")
		r.same("followed", read(r.T, task.Logs, true), "hello\nhalf a line\ngoodbye")
		<-task.Done()
		r.same("kept", read(r.T, task.Logs, false), "hello\nhalf a line\ngoodbye")
		r.same("kept by the agent", read(r.T, func(ctx context.Context, c string, follow bool) (io.ReadCloser, error) {
			return r.agent.Logs(ctx, taskID, c, follow)
		}, true), "hello\nhalf a line\ngoodbye")
		if _, err := r.agent.Logs(r.Context(), "other", "app", false); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("logs of an unknown task: %v", err)
		}
		if _, err := task.Logs(r.Context(), "other", false); err == nil {
			t.Error("logs of an unknown container")
		}
	})
}

func read(t *testing.T, logs func(context.Context, string, bool) (io.ReadCloser, error), follow bool) string {
	t.Helper()
	l, err := logs(t.Context(), "app", follow)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got, err := io.ReadAll(l)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func TestAFollowerEndsWithItsContextOrWhenClosed(t *testing.T) {
	story(t, 1, nil, func(r *rig) {
		task := r.start(define(named("app")))
		gone := errors.New("client gone")
		ctx, cancel := context.WithCancelCause(r.Context())
		l, err := task.Logs(ctx, "app", true)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		time.AfterFunc(time.Second, func() { cancel(gone) })
		if _, err := io.ReadAll(l); !errors.Is(err, gone) {
			t.Errorf("read = %v", err)
		}
		l, err = task.Logs(r.Context(), "app", true)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { l.Close() })
		if _, err := io.ReadAll(l); err == nil {
			t.Error("read of a closed follower ended well")
		}
	})
}

func TestTheSinkGetsEveryLineBeforeTheEnd(t *testing.T) {
	story(t, 1, func(s *stage) { s.programs = map[string]program{"app": talker} }, func(r *rig) {
		var mu sync.Mutex
		var got []string
		<-r.start(define(named("app")), func(s *Spec) {
			s.LogSink = func(container string, at time.Time, line []byte) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, container+": "+string(line))
				if at.Before(r.stage.born) {
					t.Errorf("line at %v", at)
				}
			}
		}).Done()
		r.same("lines", got, []string{"app: hello", "app: half a line", "app: goodbye"})
	})
}

func TestEachLine(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"nothing", "", nil},
		{"empty lines", "\n\n", []string{"", ""}},
		{"no end", "a\nb", []string{"a", "b"}},
		{"just fits", long + "\nb\n", []string{long, "b"}},
		{"one too many", long + "y\nb\n", []string{long, "y", "b"}},
		{"very long", long + long + long[:7], []string{long, long, long[:7]}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.in), iotest.HalfReader(strings.NewReader(c.in)), iotest.DataErrReader(strings.NewReader(c.in))} {
				var got []string
				if err := eachLine(r, func(l []byte) { got = append(got, string(l)) }); err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(c.want, got); d != "" {
					t.Error(d)
				}
			}
		})
	}
	if err := eachLine(iotest.ErrReader(io.ErrNoProgress), nil); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("read error: %v", err)
	}
}

func TestTheOldestLogsArePruned(t *testing.T) {
	dir := t.TempDir()
	old := &shelf{dir: dir, keep: 2}
	for i, id := range []string{"one", "two", "three"} {
		mustWrite(t, old.log(id, "app"))
		mustWrite(t, filepath.Join(old.task(id), "volumes", "v", "file"))
		at := time.Unix(int64(1000-i), 0)
		if err := os.Chtimes(old.task(id), at, at); err != nil {
			t.Fatal(err)
		}
	}
	s := &shelf{dir: dir, keep: 2}
	if err := s.scan(); err != nil {
		t.Fatal(err)
	}
	wantTasks(t, dir, "one", "two")
	mustWrite(t, s.log("four", "app"))
	if err := s.retire("four"); err != nil {
		t.Fatal(err)
	}
	wantTasks(t, dir, "four", "one")
	if left, _ := filepath.Glob(filepath.Join(dir, "tasks", "*", "volumes")); left != nil {
		t.Errorf("volumes left: %v", left)
	}
}

func mustWrite(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func wantTasks(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "tasks"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestExec(t *testing.T) {
	story(t, 1, func(s *stage) {
		s.health = func(string) (int, time.Duration) { return 7, 0 }
	}, func(r *rig) {
		task := r.start(define(named("app")))
		code, err := task.Exec(r.Context(), "app", runtime.ExecSpec{Argv: []string{"ls"}})
		r.same("code", []any{code, err}, []any{7, nil})
		task.Stop(types.TaskStopCodeUserInitiated, "")
		<-task.Done()
		_, err = task.Exec(r.Context(), "app", runtime.ExecSpec{Argv: []string{"ls"}})
		r.same("error", err.Error(), "exec in app of task "+taskID+": container is not running")
	})
}
