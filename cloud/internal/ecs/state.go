package ecs

import (
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// Statuses of clusters, services, task sets and deployments.
const (
	active   = "ACTIVE"
	inactive = "INACTIVE"
	draining = "DRAINING"
	primary  = "PRIMARY"
)

// cluster is stored under its name.
type cluster struct {
	Name          string                               `json:"name"`
	Status        string                               `json:"status"`
	Tags          []types.Tag                          `json:"tags,omitempty"`
	Settings      []types.ClusterSetting               `json:"settings,omitempty"`
	Configuration *types.ClusterConfiguration          `json:"configuration,omitempty"`
	Namespace     string                               `json:"namespace,omitempty"` // Service Connect's default
	Providers     []string                             `json:"providers,omitempty"`
	Strategy      []types.CapacityProviderStrategyItem `json:"strategy,omitempty"`
}

// family remembers the highest revision ever used, so that none is used twice.
type family struct {
	Last int32 `json:"last"`
}

// definition is a revision of a family, stored under definitionKey.
type definition struct {
	TaskDefinition types.TaskDefinition `json:"taskDefinition"`
	Tags           []types.Tag          `json:"tags,omitempty"`
}

func definitionKey(family string, revision int32) string {
	return fmt.Sprintf("%s\x00%010d", family, revision)
}

// workload is what tasks of a service or task set are made from.
type workload struct {
	Definition string                               `json:"definition"` // ARN
	LaunchType types.LaunchType                     `json:"launchType,omitempty"`
	Strategy   []types.CapacityProviderStrategyItem `json:"strategy,omitempty"`
	Platform   string                               `json:"platform,omitempty"`
	Network    *types.NetworkConfiguration          `json:"network,omitempty"`
	Balancers  []types.LoadBalancer                 `json:"balancers,omitempty"`
	Registries []types.ServiceRegistry              `json:"registries,omitempty"`
	Volumes    []types.ServiceVolumeConfiguration   `json:"volumes,omitempty"`
	Connect    *types.ServiceConnectConfiguration   `json:"connect,omitempty"`
}

// service is stored under its key. Its task sets, tasks and events are rows of their own.
type service struct {
	Cluster     string                            `json:"cluster"`
	Name        string                            `json:"name"`
	Status      string                            `json:"status"`
	Controller  types.DeploymentControllerType    `json:"controller"`
	Scheduling  types.SchedulingStrategy          `json:"scheduling"`
	Desired     int32                             `json:"desired"`
	Grace       *int32                            `json:"grace,omitempty"` // seconds
	Work        workload                          `json:"work"`            // the primary set's
	Config      types.DeploymentConfiguration     `json:"config"`
	Constraints []types.PlacementConstraint       `json:"constraints,omitempty"`
	Placement   []types.PlacementStrategy         `json:"placement,omitempty"`
	Propagate   types.PropagateTags               `json:"propagate,omitempty"`
	Managed     bool                              `json:"managed,omitempty"`
	Exec        bool                              `json:"exec,omitempty"`
	Rebalance   types.AvailabilityZoneRebalancing `json:"rebalance,omitempty"`
	Tags        []types.Tag                       `json:"tags,omitempty"`
	Created     time.Time                         `json:"created"`
	CreatedBy   string                            `json:"createdBy,omitempty"`
	Token       string                            `json:"token,omitempty"`
	Request     string                            `json:"request,omitempty"` // digest of the request that made it
	Told        int64                             `json:"told,omitempty"`    // number of its last event
	Ended       time.Time                         `json:"ended"`             // when it turned INACTIVE
}

func (v *service) key() string { return v.Cluster + "/" + v.Name }

// rolling tells whether ECS itself rolls out the service's deployments.
func (v *service) rolling() bool { return v.Controller == types.DeploymentControllerTypeEcs }

// set is a task set or, under the ECS controller, a deployment. It is stored under its
// service's key and the number in its id.
type set struct {
	ID         string      `json:"id"` // ecs-svc/N
	Service    string      `json:"service"`
	Status     string      `json:"status"` // PRIMARY ACTIVE DRAINING
	Work       workload    `json:"work"`
	Scale      float64     `json:"scale"` // percent of the service's desired count
	ExternalID string      `json:"externalId,omitempty"`
	StartedBy  string      `json:"startedBy,omitempty"`
	Token      string      `json:"token,omitempty"`
	Tags       []types.Tag `json:"tags,omitempty"`
	Created    time.Time   `json:"created"`
	Updated    time.Time   `json:"updated"`
	Steady     bool        `json:"steady"`
	SteadyAt   time.Time   `json:"steadyAt"` // since when that is so

	Misses int       `json:"misses,omitempty"` // starts in a row that never ran
	MissAt time.Time `json:"missAt"`           // when the last task ended early

	Rollout string                       `json:"rollout,omitempty"` // the service deployment's id
	State   types.DeploymentRolloutState `json:"state,omitempty"`
	Reason  string                       `json:"reason,omitempty"`
	Failed  int32                        `json:"failed,omitempty"` // tasks that ended before they were well
	Proven  bool                         `json:"proven,omitempty"` // a task was well
}

func (x *set) key() string { return x.Service + "/" + last(x.ID) }

// event is a service's event, stored under the service's key and its number.
type event struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Message string    `json:"message"`
}

type tables struct {
	clusters    store.Table[cluster]
	families    store.Table[family]
	definitions store.Table[definition]
	services    store.Table[service]
	sets        store.Table[set]
	events      store.Table[event]
	tasks       store.Table[task]
	rollouts    store.Table[rollout]
	revisions   store.Table[revision]
	providers   store.Table[types.CapacityProvider]
	settings    store.Table[types.Setting]
	runs        store.Table[run]
}

func openTables(s *store.Store) (t tables, err error) {
	var errs []error
	open(s, "ecs-clusters", &t.clusters, &errs)
	open(s, "ecs-families", &t.families, &errs)
	open(s, "ecs-definitions", &t.definitions, &errs)
	open(s, "ecs-services", &t.services, &errs)
	open(s, "ecs-task-sets", &t.sets, &errs)
	open(s, "ecs-events", &t.events, &errs)
	open(s, "ecs-tasks", &t.tasks, &errs)
	open(s, "ecs-service-deployments", &t.rollouts, &errs)
	open(s, "ecs-service-revisions", &t.revisions, &errs)
	open(s, "ecs-capacity-providers", &t.providers, &errs)
	open(s, "ecs-settings", &t.settings, &errs)
	open(s, "ecs-runs", &t.runs, &errs)
	return t, errors.Join(errs...)
}

func open[T any](s *store.Store, name string, at *store.Table[T], errs *[]error) {
	var err error
	*at, err = store.NewTable[T](s, name)
	*errs = append(*errs, err)
}
