package agent

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// shelf is the folder of logs and volumes:
//
//	tasks/ID/CONTAINER.log    what a container wrote
//	tasks/ID/volumes/NAME     a task's own volumes, removed with the task
//	volumes/KIND/NAME         volumes that outlive tasks
//
// The newest stopped tasks' logs are kept.
type shelf struct {
	dir  string
	keep int

	mu      sync.Mutex
	retired []string // stopped tasks whose logs are here, oldest first
}

func (s *shelf) task(id string) string {
	return filepath.Join(s.dir, "tasks", url.PathEscape(id))
}

func (s *shelf) log(id, container string) string {
	return filepath.Join(s.task(id), url.PathEscape(container)+".log")
}

// scratch is the folder of a volume that lives as long as its task.
func (s *shelf) scratch(id, volume string) (string, error) {
	return filepath.Abs(filepath.Join(s.task(id), "volumes", url.PathEscape(volume)))
}

// shared is the folder of a volume that outlives tasks.
func (s *shelf) shared(kind, path string) (string, error) {
	return filepath.Abs(filepath.Join(s.dir, "volumes", kind, path))
}

// scan learns of the tasks of earlier processes, which have all stopped, and prunes.
func (s *shelf) scan() error {
	entries, err := os.ReadDir(filepath.Join(s.dir, "tasks"))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	age := map[string]time.Time{}
	var found []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return err
		}
		age[e.Name()] = info.ModTime()
		found = append(found, e.Name())
	}
	slices.SortFunc(found, func(a, b string) int { return age[a].Compare(age[b]) })
	for _, id := range found {
		if err := s.retire(id); err != nil {
			return err
		}
	}
	return nil
}

// retire removes a stopped task's volumes, and the logs of the oldest stopped task if
// there are too many.
func (s *shelf) retire(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.RemoveAll(filepath.Join(s.task(id), "volumes")); err != nil {
		return fmt.Errorf("remove volumes of task %s: %w", id, err)
	}
	s.retired = append(s.retired, id)
	for len(s.retired) > s.keep {
		if err := os.RemoveAll(s.task(s.retired[0])); err != nil {
			return fmt.Errorf("remove logs of task %s: %w", s.retired[0], err)
		}
		s.retired = s.retired[1:]
	}
	return nil
}
