package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Stub is an AWS that answers at once: every deployment has succeeded when it is first
// looked at. What a deployer takes on it is its own time. It counts the calls.
type Stub struct {
	mu    sync.Mutex
	calls []string
}

// Calls are the operations that were called since the last time, in order.
func (s *Stub) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.calls
	s.calls = nil
	return out
}

// The names of what stands on the stub.
const (
	stubCluster = "demo"
	stubService = "web"
	stubGroup   = "DgpECS-demo-web"
	stubApp     = "AppECS-demo-web"
	stubARN     = "arn:aws:ecs:us-east-1:123456789012:"
)

// ServeHTTP answers the calls of deployers in AWS's JSON protocol.
func (s *Stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.calls = append(s.calls, op)
	s.mu.Unlock()
	answer, ok := s.answer(op, body)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if !ok {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type":"UnknownOperationException","message":"the stub has no %s"}`, op)
		return
	}
	_ = json.NewEncoder(w).Encode(answer) // a client that is gone does not read it
}

type object = map[string]any

func (s *Stub) answer(op string, body []byte) (object, bool) {
	switch op {
	case "DescribeServices":
		return object{"services": []any{s.service()}, "failures": []any{}}, true
	case "DescribeTaskDefinition":
		return object{"taskDefinition": object{
			"family": "web", "revision": 6, "status": "ACTIVE", "taskDefinitionArn": stubARN + "task-definition/web:6",
			"containerDefinitions": []any{object{"name": "web", "image": "old"}},
		}}, true
	case "RegisterTaskDefinition":
		var td object
		if json.Unmarshal(body, &td) != nil {
			return nil, false
		}
		td["taskDefinitionArn"], td["revision"], td["status"] = stubARN+"task-definition/web:7", 7, "ACTIVE"
		return object{"taskDefinition": td}, true
	case "GetApplication":
		return object{"application": object{"applicationName": stubApp, "computePlatform": "ECS"}}, true
	case "GetDeploymentGroup":
		return object{"deploymentGroupInfo": s.group()}, true
	case "CreateDeployment":
		return object{"deploymentId": "d-AAAAAAAAA"}, true
	case "GetDeployment":
		return object{"deploymentInfo": object{
			"deploymentId": "d-AAAAAAAAA", "status": "Succeeded", "applicationName": stubApp, "deploymentGroupName": stubGroup,
			"computePlatform": "ECS", "createTime": 1.7e9, "completeTime": 1.7e9, "creator": "user",
		}}, true
	}
	return nil, false
}

func (s *Stub) service() object {
	return object{
		"serviceName": stubService, "serviceArn": stubARN + "service/demo/web", "clusterArn": stubARN + "cluster/demo", "status": "ACTIVE",
		"desiredCount": 2, "runningCount": 2, "pendingCount": 0, "deploymentController": object{"type": "CODE_DEPLOY"},
		"taskDefinition": stubARN + "task-definition/web:6", "deployments": []any{}, "events": []any{},
		"taskSets": []any{object{"id": "ecs-svc/1", "status": "PRIMARY", "externalId": "d-BBBBBBBBB", "taskDefinition": stubARN + "task-definition/web:6"}},
	}
}

func (s *Stub) group() object {
	return object{
		"applicationName": stubApp, "deploymentGroupName": stubGroup, "deploymentGroupId": "1", "computePlatform": "ECS",
		"serviceRoleArn": "arn:aws:iam::123456789012:role/codedeploy", "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
		"ecsServices":     []any{object{"clusterName": stubCluster, "serviceName": stubService}},
		"deploymentStyle": object{"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
		"blueGreenDeploymentConfiguration": object{
			"terminateBlueInstancesOnDeploymentSuccess": object{"action": "TERMINATE", "terminationWaitTimeInMinutes": 5},
			"deploymentReadyOption":                     object{"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 0},
		},
	}
}
