package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/turnoutdev/turnout/internal/bundle"
)

// Entry is one line of a journal.
type Entry struct {
	Time  time.Time `json:"time"`
	Event string    `json:"event"` // start, resume, stage, created, done, skipped, failed, end
	Stage string    `json:"stage,omitempty"`
	Error string    `json:"error,omitempty"`
	Start *Start    `json:"start,omitempty"` // of a start
	Facts *Facts    `json:"facts,omitempty"` // what is known after the event
}

// Start is how a run was started: all that is needed to pick it up again.
type Start struct {
	Verb    string   `json:"verb"`             // ship, build or deploy
	File    string   `json:"config,omitempty"` // the configuration file, absolute
	Local   bool     `json:"local,omitempty"`
	Region  string   `json:"region,omitempty"`
	Profile string   `json:"profile,omitempty"`
	Options *Options `json:"options,omitempty"`

	Bundle *bundle.Manifest `json:"bundle,omitempty"` // that is deployed; its files stand beside the configuration
}

// Journal is the append-only record of a run: one JSON object a line, on disk before the
// next step begins, so that a crashed run can be picked up where it stood.
type Journal struct {
	f *os.File
}

// Folder is where journals are kept: $XDG_STATE_HOME/turnout/runs, or its default.
func Folder() (string, error) {
	base := os.Getenv("XDG_STATE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		base = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(base, "turnout", "runs"), nil
}

// Create begins the journal of run id in dir.
func Create(dir, id string) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	f, err := os.OpenFile(Path(dir, id), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	return &Journal{f: f}, nil
}

// Path is the file of the journal of run id in dir.
func Path(dir, id string) string { return filepath.Join(dir, id+".jsonl") }

// Reopen opens the journal of run id in dir to go on with it, and tells what it holds. A
// torn last line is taken away: what is written next begins a line of its own.
func Reopen(dir, id string) (*Journal, []Entry, error) {
	path := Path(dir, id)
	entries, whole, err := read(path)
	if err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open journal: %w", err)
	}
	if err := f.Truncate(whole); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open journal: %w", err), f.Close())
	}
	return &Journal{f: f}, entries, nil
}

// List returns the ids of the runs in dir, newest first.
func List(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	var ids []string
	for _, f := range slices.Backward(files) { // ids sort by time
		ids = append(ids, strings.TrimSuffix(filepath.Base(f), ".jsonl"))
	}
	return ids, err
}

// Write appends an entry and returns when it is on disk.
func (j *Journal) Write(e Entry) error {
	if j == nil {
		return nil
	}
	e.Time = time.Now().UTC()
	if e.Facts != nil { // the document may hold what is nobody's business; it is rendered again
		facts := *e.Facts
		facts.Rendered = nil
		e.Facts = &facts
	}
	b, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	if _, err := j.f.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return j.f.Sync()
}

// Path is the journal's file.
func (j *Journal) Path() string { return j.f.Name() }

// Close closes the file.
func (j *Journal) Close() error {
	if j == nil {
		return nil
	}
	return j.f.Close()
}

// ReadJournal reads the entries of a journal; a torn last line is left out.
func ReadJournal(path string) ([]Entry, error) {
	entries, _, err := read(path)
	return entries, err
}

// read reads the entries of a journal, and where its last whole line ends.
func read(path string) (entries []Entry, whole int64, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, err
	}
	for line := range bytes.Lines(b) {
		var e Entry
		err := json.Unmarshal(line, &e)
		last := whole+int64(len(line)) == int64(len(b))
		switch {
		case last && (err != nil || !bytes.HasSuffix(line, []byte("\n"))): // only the last line may be torn
			return entries, whole, nil
		case err != nil:
			return nil, 0, fmt.Errorf("%s:%d: not a journal entry: %w", path, len(entries)+1, err)
		}
		entries, whole = append(entries, e), whole+int64(len(line))
	}
	return entries, whole, nil
}
