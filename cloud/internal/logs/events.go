package logs

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// event is one line of a stream's file.
type event struct {
	At      int64  `json:"t"` // milliseconds since 1970, as the writer said
	Arrived int64  `json:"i"`
	Message string `json:"m"`
}

func (s *Service) path(id string) string { return filepath.Join(s.Dir, id+".jsonl") }

// append writes events to a stream's file. They are in the kernel's hands when it
// returns, and so survive the end of this process.
func (s *Service) append(st stream, events []event, retention int32) error {
	s.files.Lock()
	defer s.files.Unlock()
	if retention > 0 {
		if err := s.expire(st, time.Duration(retention)*24*time.Hour); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(s.path(st.ID), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("write log stream %s: %w", st.Name, err)
	}
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	for _, e := range events {
		err = errors.Join(err, enc.Encode(e))
	}
	if err = errors.Join(err, w.Flush(), f.Close()); err != nil {
		return fmt.Errorf("write log stream %s: %w", st.Name, err)
	}
	return nil
}

// expire rewrites a file without its events older than keep, if the oldest one is.
func (s *Service) expire(st stream, keep time.Duration) error {
	events, err := s.readLocked(st)
	if err != nil || len(events) == 0 {
		return err
	}
	oldest := s.Clock.Now().Add(-keep).UnixMilli()
	if events[0].At >= oldest {
		return nil
	}
	tmp := s.path(st.ID) + ".new"
	f, err := os.Create(tmp)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(f)
	for _, e := range events {
		if e.At >= oldest {
			err = errors.Join(err, enc.Encode(e))
		}
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(tmp, s.path(st.ID))
}

// read returns a stream's events by time, those of one moment in their order of arrival.
func (s *Service) read(st stream) ([]event, error) {
	s.files.Lock()
	defer s.files.Unlock()
	return s.readLocked(st)
}

func (s *Service) readLocked(st stream) ([]event, error) {
	f, err := os.Open(s.path(st.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	var out []event
	sc := bufio.NewScanner(f)
	sc.Buffer(make([]byte, 0, 64<<10), 8<<20)
	for sc.Scan() {
		var e event
		if json.Unmarshal(sc.Bytes(), &e) == nil { // a torn last line was never acknowledged
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b event) int { return int(a.At - b.At) })
	return out, sc.Err()
}

func (s *Service) removeFiles(gone []stream) error {
	s.files.Lock()
	defer s.files.Unlock()
	var errs []error
	for _, st := range gone {
		if err := os.Remove(s.path(st.ID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
