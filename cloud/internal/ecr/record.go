package ecr

import (
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// registryRecord is what is kept of the registry as a whole, in one row.
type registryRecord struct {
	Policy     string                               `json:"policy,omitempty"`
	Scanning   *types.RegistryScanningConfiguration `json:"scanning,omitempty"`
	Settings   map[string]string                    `json:"settings,omitempty"`
	Exclusions map[string]time.Time                 `json:"exclusions,omitempty"` // principals whose pulls are not noted
}

const registryKey = "registry"

// registryRecord returns the row, empty until something is set.
func (s *Service) registryRecord() (rec registryRecord) {
	s.Store.View(func(tx *store.Tx) { rec, _ = s.registry.Get(tx, registryKey) })
	return rec
}

func (s *Service) editRegistry(change func(*registryRecord) error) error {
	return s.Store.Update(func(tx *store.Tx) error {
		rec, _ := s.registry.Get(tx, registryKey)
		rec.Settings, rec.Exclusions = maps.Clone(rec.Settings), maps.Clone(rec.Exclusions)
		if rec.Settings == nil {
			rec.Settings = map[string]string{}
		}
		if rec.Exclusions == nil {
			rec.Exclusions = map[string]time.Time{}
		}
		if err := change(&rec); err != nil {
			return err
		}
		s.registry.Put(tx, registryKey, rec)
		return nil
	})
}
