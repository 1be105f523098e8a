package ecs

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const (
	sweepEvery = 10 * time.Minute
	// keepStopped is for how long stopped tasks and INACTIVE services are described, and
	// definitions stay in deletion.
	keepStopped = time.Hour
)

// sweep forgets what ended long ago.
func (s *Service) sweep() error {
	now := s.Clock.Now()
	return s.Store.Update(func(tx *store.Tx) error {
		used := map[string]bool{}
		for key, t := range s.t.tasks.All(tx, "") {
			used[t.Definition] = true
			if t.stopped() && len(t.Targets) == 0 && now.Sub(t.State.StoppedAt) > keepStopped {
				s.t.tasks.Delete(tx, key)
			}
		}
		for key, v := range s.t.services.All(tx, "") {
			used[v.Work.Definition] = used[v.Work.Definition] || v.Status != inactive
			if v.Status == inactive && now.Sub(v.Ended) > keepStopped {
				s.forgetService(tx, key)
			}
		}
		for _, x := range s.t.sets.All(tx, "") {
			used[x.Work.Definition] = true
		}
		for key, d := range s.t.definitions.All(tx, "") {
			td := d.TaskDefinition
			if td.Status == types.TaskDefinitionStatusDeleteInProgress && !used[*td.TaskDefinitionArn] && now.Sub(*td.DeleteRequestedAt) > keepStopped {
				s.t.definitions.Delete(tx, key)
			}
		}
		for token, r := range s.t.runs.All(tx, "") {
			if now.Sub(r.At) > remember {
				s.t.runs.Delete(tx, token)
			}
		}
		return nil
	})
}
