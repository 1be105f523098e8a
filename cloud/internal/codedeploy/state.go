package codedeploy

import (
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

type application struct {
	ID       string                `json:"id"`
	Name     string                `json:"name"`
	Platform types.ComputePlatform `json:"platform"`
	Created  time.Time             `json:"created"`
	Tags     []types.Tag           `json:"tags,omitempty"`
}

// deploymentGroup keeps what the API echoes; keyed by application, NUL, name.
type deploymentGroup struct {
	Info types.DeploymentGroupInfo `json:"info"`
	Tags []types.Tag               `json:"tags,omitempty"`
}

type config struct {
	Info types.DeploymentConfigInfo `json:"info"`
}

type revision struct {
	Location   types.RevisionLocation `json:"location"`
	Content    string                 `json:"content,omitempty"`
	Registered time.Time              `json:"registered"`
	FirstUsed  time.Time              `json:"firstUsed"`
	LastUsed   time.Time              `json:"lastUsed"`
	Note       string                 `json:"note,omitempty"`
}

// instance is an on-premises instance.
type instance struct {
	Info types.InstanceInfo `json:"info"`
}

// side is one colour of a deployment.
type side struct {
	Set   string `json:"set,omitempty"` // ecs-svc/N
	Group string `json:"group"`         // target group name
	ARN   string `json:"arn"`           // target group ARN
}

// deployment is the whole durable state of one deployment.
type deployment struct {
	ID           string                           `json:"id"`
	App          string                           `json:"app"`
	Group        string                           `json:"group"`
	Status       types.DeploymentStatus           `json:"status"`
	Config       string                           `json:"config"`
	Routing      types.TrafficRoutingConfig       `json:"routing"`
	Description  string                           `json:"description,omitempty"`
	Creator      types.DeploymentCreator          `json:"creator"`
	Created      time.Time                        `json:"created"`
	Started      time.Time                        `json:"started"`
	Completed    time.Time                        `json:"completed"`
	Revision     types.RevisionLocation           `json:"revision"`
	Content      string                           `json:"content"`
	GroupInfo    types.DeploymentGroupInfo        `json:"groupInfo"` // as it was at the start
	AutoRollback *types.AutoRollbackConfiguration `json:"autoRollback,omitempty"`
	Alarms       *types.AlarmConfiguration        `json:"alarms,omitempty"`
	AlarmsGiven  bool                             `json:"alarmsGiven,omitempty"`
	External     string                           `json:"external,omitempty"`

	Phase     string                  `json:"phase"`
	PhaseAt   time.Time               `json:"phaseAt"`
	Events    []types.LifecycleEvent  `json:"events,omitempty"`
	Cluster   string                  `json:"cluster,omitempty"`
	Service   string                  `json:"service,omitempty"`
	ARN       string                  `json:"arn,omitempty"` // service ARN
	Blue      side                    `json:"blue"`
	Green     side                    `json:"green"`
	Weight    float64                 `json:"weight"` // of green, percent
	Sets      []types.ECSTaskSet      `json:"sets,omitempty"`
	Updated   time.Time               `json:"updated"`
	Error     *types.ErrorInformation `json:"error,omitempty"`
	Rollback  *types.RollbackInfo     `json:"rollback,omitempty"`
	Undoes    string                  `json:"undoes,omitempty"`  // the deployment that this one rolls back
	Waiting   bool                    `json:"waiting,omitempty"` // termination wait has begun
	Parting   bool                    `json:"parting,omitempty"` // blue's end has begun: nothing leads back any more
	HookID    string                  `json:"hookId,omitempty"`
	HookSays  string                  `json:"hookSays,omitempty"`
	HooksDone []string                `json:"hooksDone,omitempty"` // ids that have said their word, or came too late

	StopAsked    bool `json:"stopAsked,omitempty"`
	StopRollback bool `json:"stopRollback,omitempty"`
	GoOn         bool `json:"goOn,omitempty"`     // ContinueDeployment READY_WAIT
	SkipWait     bool `json:"skipWait,omitempty"` // ContinueDeployment TERMINATION_WAIT
}

func (d *deployment) over() bool {
	switch d.Status {
	case types.DeploymentStatusSucceeded, types.DeploymentStatusFailed, types.DeploymentStatusStopped:
		return true
	}
	return false
}

type tables struct {
	apps        store.Table[application]
	groups      store.Table[deploymentGroup]
	configs     store.Table[config]
	revisions   store.Table[revision]
	deployments store.Table[deployment]
	instances   store.Table[instance]
}

func openTables(s *store.Store) (t tables, err error) {
	var errs [6]error
	t.apps, errs[0] = store.NewTable[application](s, "codedeploy-applications")
	t.groups, errs[1] = store.NewTable[deploymentGroup](s, "codedeploy-groups")
	t.configs, errs[2] = store.NewTable[config](s, "codedeploy-configs")
	t.revisions, errs[3] = store.NewTable[revision](s, "codedeploy-revisions")
	t.deployments, errs[4] = store.NewTable[deployment](s, "codedeploy-deployments")
	t.instances, errs[5] = store.NewTable[instance](s, "codedeploy-instances")
	return t, errors.Join(errs[:]...)
}

func groupKey(app, group string) string { return app + "\x00" + group }
