package logs

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// Options are what the service needs.
type Options struct {
	Store *store.Store
	Clock *clock.Clock
	Place arn.Place
	Dir   string // folder of the event files, made when missing
}

// Service is CloudWatch Logs.
type Service struct {
	Options
	groups  store.Table[group]
	streams store.Table[stream]
	files   sync.Mutex // guards the event files
}

// group is a stored log group, keyed by its name.
type group struct {
	Name      string            `json:"name"`
	Created   time.Time         `json:"created"`
	Retention int32             `json:"retention,omitempty"` // days, 0 for ever
	Tags      map[string]string `json:"tags,omitempty"`
}

// stream is a stored log stream, keyed by group, a NUL byte and its name.
type stream struct {
	Group   string    `json:"group"`
	Name    string    `json:"name"`
	ID      string    `json:"id"` // name of its event file
	Created time.Time `json:"created"`
}

func streamKey(group, name string) string { return group + "\x00" + name }

// New opens the service on its tables and folder.
func New(o Options) (*Service, error) {
	s := &Service{Options: o}
	var err, err2 error
	s.groups, err = store.NewTable[group](o.Store, "logs-groups")
	s.streams, err2 = store.NewTable[stream](o.Store, "logs-streams")
	if err = errors.Join(err, err2, os.MkdirAll(o.Dir, 0o700)); err != nil {
		return nil, fmt.Errorf("open logs: %w", err)
	}
	return s, nil
}

// Ops are the operations that the service answers.
func (s *Service) Ops() []wire.Op {
	return []wire.Op{
		wire.Handle(s.CreateLogGroup),
		wire.Handle(s.DeleteLogGroup),
		wire.Handle(s.DescribeLogGroups),
		wire.Handle(s.PutRetentionPolicy).Differing("older events are dropped when the stream is next written, not by the hour"),
		wire.Handle(s.DeleteRetentionPolicy),
		wire.Handle(s.CreateLogStream),
		wire.Handle(s.DeleteLogStream),
		wire.Handle(s.DescribeLogStreams),
		wire.Handle(s.PutLogEvents),
		wire.Handle(s.GetLogEvents),
		wire.Handle(s.FilterLogEvents).Differing("term and phrase patterns only; JSON and space-delimited patterns are refused"),
		wire.Handle(s.ListTagsForResource),
		wire.Handle(s.TagResource),
		wire.Handle(s.UntagResource),
		wire.Handle(s.ListTagsLogGroup),
		wire.Handle(s.TagLogGroup),
		wire.Handle(s.UntagLogGroup),
	}
}
