package watch

import "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

// Memory is what has been told already, of a service and of its deployments. Watches that
// share one, each after the other, do not repeat each other. The zero value is empty.
type Memory struct {
	messages    map[string]bool // of the service, by their ids
	deployments map[string]*known
}

// known is how a deployment stood when it was last told of.
type known struct {
	status  types.DeploymentStatus
	waiting bool // before the old tasks are ended
	events  map[string]types.LifecycleEventStatus
	weights [2]float64
	counts  map[string][2]int64
	health  string
	checks  string          // what containers' own health checks say
	starts  map[string]int  // how often ECS has started tasks, by task set
	ends    map[string]bool // why tasks of green ended
}

// of is what is known of a deployment.
func (m *Memory) of(id string) *known {
	if m.deployments[id] == nil {
		if m.deployments == nil {
			m.deployments = map[string]*known{}
		}
		m.deployments[id] = &known{
			events: map[string]types.LifecycleEventStatus{}, counts: map[string][2]int64{}, starts: map[string]int{}, ends: map[string]bool{},
		}
	}
	return m.deployments[id]
}

// said tells whether a message was told before, and notes that it is told now.
func (m *Memory) said(id string) bool {
	if m.messages[id] {
		return true
	}
	if m.messages == nil {
		m.messages = map[string]bool{}
	}
	m.messages[id] = true
	return false
}
