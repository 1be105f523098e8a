package logs

import (
	"errors"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// Sink opens a stream for the awslogs driver, making the stream and, if createGroup says
// so, the group. The returned function appends one line.
func (s *Service) Sink(groupName, streamName string, createGroup bool) (func(at time.Time, line []byte) error, error) {
	var st stream
	var g group
	err := s.Store.Update(func(tx *store.Tx) error {
		var ok bool
		if g, ok = s.groups.Get(tx, groupName); !ok {
			if !createGroup {
				return errNoGroup
			}
			g = group{Name: groupName, Created: s.Clock.Now()}
			s.groups.Put(tx, groupName, g)
		}
		if st, ok = s.streams.Get(tx, streamKey(groupName, streamName)); !ok {
			st = s.putStream(tx, groupName, streamName)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return func(at time.Time, line []byte) error {
		return s.append(st, []event{{At: at.UnixMilli(), Arrived: s.Clock.Now().UnixMilli(), Message: string(line)}}, g.Retention)
	}, nil
}

// IsMissingGroup tells whether err is Sink's answer to a group that does not exist.
func IsMissingGroup(err error) bool { return errors.Is(err, errNoGroup) }
