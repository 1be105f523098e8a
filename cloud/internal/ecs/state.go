package ecs

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/agent"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

type cluster struct {
	Name     string                 `json:"name"`
	Status   string                 `json:"status"`
	Tags     []types.Tag            `json:"tags,omitempty"`
	Settings []types.ClusterSetting `json:"settings,omitempty"`
}

type family struct {
	Last int32 `json:"last"` // highest revision ever used
}

type definition struct {
	TaskDefinition types.TaskDefinition `json:"taskDefinition"`
	Tags           []types.Tag          `json:"tags,omitempty"`
}

// service is a stored service; its task sets are rows of their own.
type service struct {
	Cluster    string                         `json:"cluster"`
	Name       string                         `json:"name"`
	Status     string                         `json:"status"` // ACTIVE DRAINING INACTIVE
	Controller types.DeploymentControllerType `json:"controller"`
	Desired    int32                          `json:"desired"`
	Grace      int32                          `json:"grace"` // seconds
	Definition string                         `json:"definition"`
	Balancers  []types.LoadBalancer           `json:"balancers,omitempty"`
	Network    *types.NetworkConfiguration    `json:"network,omitempty"`
	LaunchType types.LaunchType               `json:"launchType"`
	Config     *types.DeploymentConfiguration `json:"config,omitempty"`
	Propagate  types.PropagateTags            `json:"propagate,omitempty"`
	Managed    bool                           `json:"managed,omitempty"`
	Tags       []types.Tag                    `json:"tags,omitempty"`
	Created    time.Time                      `json:"created"`
	CreatedBy  string                         `json:"createdBy,omitempty"`
	Token      string                         `json:"token,omitempty"`
	Events     []types.ServiceEvent           `json:"events,omitempty"` // newest first
	Ended      time.Time                      `json:"ended"`
}

func (s *service) key() string { return s.Cluster + "/" + s.Name }

// set is a task set; for the ECS controller, a deployment.
type set struct {
	ID         string                      `json:"id"` // ecs-svc/N
	Service    string                      `json:"service"`
	Status     string                      `json:"status"` // PRIMARY ACTIVE DRAINING
	Definition string                      `json:"definition"`
	Scale      float64                     `json:"scale"`
	Balancers  []types.LoadBalancer        `json:"balancers,omitempty"`
	Network    *types.NetworkConfiguration `json:"network,omitempty"`
	LaunchType types.LaunchType            `json:"launchType"`
	ExternalID string                      `json:"externalId,omitempty"`
	StartedBy  string                      `json:"startedBy,omitempty"`
	Token      string                      `json:"token,omitempty"`
	Created    time.Time                   `json:"created"`
	Updated    time.Time                   `json:"updated"`
	Steady     bool                        `json:"steady"`
	SteadyAt   time.Time                   `json:"steadyAt"`
	Failures   int                         `json:"failures,omitempty"` // starts that failed in a row
	Tags       []types.Tag                 `json:"tags,omitempty"`
}

// task is a stored task.
type task struct {
	ID         string              `json:"id"`
	Cluster    string              `json:"cluster"`
	Service    string              `json:"service,omitempty"` // key
	Set        string              `json:"set,omitempty"`
	Definition string              `json:"definition"`
	Desired    string              `json:"desired"` // RUNNING STOPPED
	Group      string              `json:"group"`
	StartedBy  string              `json:"startedBy,omitempty"`
	LaunchType types.LaunchType    `json:"launchType"`
	Overrides  *types.TaskOverride `json:"overrides,omitempty"`
	Created    time.Time           `json:"created"`
	Registered bool                `json:"registered,omitempty"` // its targets are in their groups
	Halting    bool                `json:"halting,omitempty"`    // the runner was told to stop it
	StopCode   types.TaskStopCode  `json:"stopCode,omitempty"`
	Reason     string              `json:"reason,omitempty"`
	State      agent.State         `json:"state"`
	ENI        string              `json:"eni,omitempty"`
	Subnet     string              `json:"subnet,omitempty"`
	Tags       []types.Tag         `json:"tags,omitempty"`
}

func (t *task) key() string   { return t.Cluster + "/" + t.ID }
func (t *task) stopped() bool { return t.State.Status == "STOPPED" }

type tables struct {
	clusters    store.Table[cluster]
	families    store.Table[family]
	definitions store.Table[definition]
	services    store.Table[service]
	sets        store.Table[set]
	tasks       store.Table[task]
}

func openTables(s *store.Store) (t tables, err error) {
	var errs [6]error
	t.clusters, errs[0] = store.NewTable[cluster](s, "ecs-clusters")
	t.families, errs[1] = store.NewTable[family](s, "ecs-families")
	t.definitions, errs[2] = store.NewTable[definition](s, "ecs-definitions")
	t.services, errs[3] = store.NewTable[service](s, "ecs-services")
	t.sets, errs[4] = store.NewTable[set](s, "ecs-task-sets")
	t.tasks, errs[5] = store.NewTable[task](s, "ecs-tasks")
	return t, errors.Join(errs[:]...)
}

func definitionKey(family string, revision int32) string {
	return fmt.Sprintf("%s\x00%010d", family, revision)
}

func last(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }
