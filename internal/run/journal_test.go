package run

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, j *Journal, events ...string) {
	t.Helper()
	for _, e := range events {
		if err := j.Write(Entry{Event: e, Facts: &Facts{Commit: "c0ffee", Rendered: []byte("secret")}}); err != nil {
			t.Fatal(err)
		}
	}
}

func events(all []Entry) string {
	var out []string
	for _, e := range all {
		out = append(out, e.Event)
	}
	return strings.Join(out, " ")
}

func TestAJournalIsPickedUpAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs")
	j, err := Create(dir, "1")
	if err != nil {
		t.Fatal(err)
	}
	write(t, j, "start", "stage")
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dir, "1"); err == nil {
		t.Error("a run's journal was begun twice")
	}
	j, all, err := Reopen(dir, "1")
	if err != nil || events(all) != "start stage" || all[0].Facts.Commit != "c0ffee" {
		t.Fatalf("%+v, %v", all, err)
	}
	write(t, j, "resume")
	if all, err := ReadJournal(j.Path()); err != nil || events(all) != "start stage resume" {
		t.Errorf("%q, %v", events(all), err)
	}
	if b, _ := os.ReadFile(j.Path()); bytes.Contains(b, []byte("c2VjcmV0")) || bytes.Contains(b, []byte("rendered")) {
		t.Error("the rendered document is on disk")
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// However a crash has torn the last line, the journal is read without it, and what is
// written next can be read again.
func TestATornLastLine(t *testing.T) {
	const whole = `{"time":"2026-11-30T12:00:00Z","event":"start"}` + "\n"
	for torn, want := range map[string]string{
		whole + `{"time":"2026-11-30T12:00:01Z","ev`:              "start end",
		whole + `{"time":"2026-11-30T12:00:01Z","event":"stage"}`: "start end", // whole but for its end: it was not acknowledged
		whole + "\x00\x00\x00\x00":                                "start end",
		whole + "garbage\n":                                       "start end",
		whole:                                                     "start end",
		"":                                                        "end",
		`{"time":`:                                                "end",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(Path(dir, "1"), []byte(torn), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time, what was written after the crash is read
			j, _, err := Reopen(dir, "1")
			if err != nil {
				t.Fatalf("%q: %v", torn, err)
			}
			if all, err := ReadJournal(j.Path()); err == nil && events(all) != want {
				write(t, j, "end")
			}
			if err := j.Close(); err != nil {
				t.Error(err)
			}
		}
		if all, err := ReadJournal(Path(dir, "1")); err != nil || events(all) != want {
			t.Errorf("%q: %q, %v; want %q", torn, events(all), err, want)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(Path(dir, "1"), []byte(whole+"garbage\n"+whole), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Reopen(dir, "1"); err == nil || !strings.Contains(err.Error(), "1.jsonl:2: not a journal entry") {
		t.Error(err)
	}
}

func TestRunsAreListedNewestFirst(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for _, at := range []time.Time{time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 30, 1, 0, 0, 0, time.FixedZone("", 7200)), time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)} {
		id := NewID(at)
		j, err := Create(dir, id)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		want = append([]string{id}, want...)
	}
	if got, err := List(dir); err != nil || !slices.Equal(got, want) || !strings.HasPrefix(got[1], "20261129T230000-") {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if got, err := List(filepath.Join(dir, "none")); err != nil || len(got) > 0 {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWhereJournalsAreKept(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/state")
	if got, err := Folder(); err != nil || got != filepath.FromSlash("/state/turnout/runs") {
		t.Errorf("%s, %v", got, err)
	}
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", "/home/ann")
	if got, err := Folder(); err != nil || got != filepath.FromSlash("/home/ann/.local/state/turnout/runs") {
		t.Errorf("%s, %v", got, err)
	}
}

func TestNoJournal(t *testing.T) {
	var j *Journal
	if j.Write(Entry{}) != nil || j.Close() != nil {
		t.Error("a run without a journal fails")
	}
}
