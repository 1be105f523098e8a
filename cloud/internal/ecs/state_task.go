package ecs

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/agent"
)

// What a task is desired to be; its last status has more words.
const (
	running = "RUNNING"
	stopped = "STOPPED"
)

// Last statuses that ECS itself gives.
const (
	provisioning = "PROVISIONING"
	activating   = "ACTIVATING"
	deactivating = "DEACTIVATING"
)

// task is stored under its cluster's name and its id. State is what the runner reported
// last; the rest is what ECS wants and has done.
type task struct {
	ID         string                          `json:"id"`
	Cluster    string                          `json:"cluster"`
	Service    string                          `json:"service,omitempty"` // key; empty for tasks of their own
	Set        string                          `json:"set,omitempty"`     // id
	Definition string                          `json:"definition"`        // ARN
	Desired    string                          `json:"desired"`
	Group      string                          `json:"group"`
	StartedBy  string                          `json:"startedBy,omitempty"`
	LaunchType types.LaunchType                `json:"launchType,omitempty"`
	Provider   string                          `json:"provider,omitempty"`
	Platform   string                          `json:"platform,omitempty"`
	Overrides  *types.TaskOverride             `json:"overrides,omitempty"`
	Exec       bool                            `json:"exec,omitempty"`
	Tags       []types.Tag                     `json:"tags,omitempty"`
	Created    time.Time                       `json:"created"`
	Network    *attachment                     `json:"network,omitempty"`
	State      agent.State                     `json:"state"`
	Version    int64                           `json:"version"`
	StopCode   types.TaskStopCode              `json:"stopCode,omitempty"` // why Desired is STOPPED
	Reason     string                          `json:"reason,omitempty"`
	Volumes    []types.TaskVolumeConfiguration `json:"volumes,omitempty"`

	Targets    []target  `json:"targets,omitempty"`    // in which it stands, or is about to
	Registered bool      `json:"registered,omitempty"` // the balancer has the targets
	Leaving    bool      `json:"leaving,omitempty"`    // the balancer was told to drain them
	Halted     bool      `json:"halted,omitempty"`     // the runner was told to stop it
	Well       bool      `json:"well,omitempty"`       // it ran and was healthy once
	Protected  time.Time `json:"protected"`            // until when it is not scaled in
}

// attachment is a task's network interface.
type attachment struct {
	ID     string `json:"id"`
	ENI    string `json:"eni"`
	MAC    string `json:"mac"`
	Subnet string `json:"subnet,omitempty"`
	Zone   string `json:"zone"`
}

// target is where a task stands in a target group.
type target struct {
	Group string `json:"group"` // ARN
	Addr  string `json:"addr"`
	Port  int32  `json:"port"`
}

func (t *task) key() string   { return t.Cluster + "/" + t.ID }
func (t *task) stopped() bool { return t.State.Status == stopped }
func (t *task) alive() bool   { return t.Desired == running && !t.stopped() }
func (t *task) running() bool { return t.Desired == running && t.lastStatus() == running }

// lastStatus is what clients see: ECS's own steps between those of the runner.
func (t *task) lastStatus() string {
	if t.State.Status == running {
		switch {
		case t.Desired == stopped:
			return deactivating
		case len(t.Targets) > 0 && !t.Registered:
			return activating
		}
	}
	return t.State.Status
}
