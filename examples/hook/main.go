// Hook is a function for CodeDeploy's hooks, such as AfterAllowTestTraffic: it asks $URL,
// an address behind the test listener, and lets the deployment go on if the answer is 200.
//
// Build and upload it, with a role that may codedeploy:PutLifecycleEventHookExecutionStatus:
//
//	CGO_ENABLED=0 go build -o bootstrap ./examples/hook && zip hook.zip bootstrap
//	aws lambda create-function --function-name CodeDeployHook_check --runtime provided.al2023 \
//	  --handler bootstrap --zip-file fileb://hook.zip --role ROLE --timeout 30 \
//	  --environment Variables={URL=http://LOAD-BALANCER:8081/healthz}
//
// and name it in appspec.json: "Hooks": [{"AfterAllowTestTraffic": "CodeDeployHook_check"}].
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

// event is what CodeDeploy sends.
type event struct {
	DeploymentID string `json:"DeploymentId"`
	ExecutionID  string `json:"LifecycleEventHookExecutionId"`
}

func main() { lambda.Start(handle) }

// handle tells CodeDeploy what came of the check. Its own answer CodeDeploy ignores.
func handle(ctx context.Context, e event) error {
	status := types.LifecycleEventStatusSucceeded
	if err := check(ctx, os.Getenv("URL")); err != nil {
		log.Printf("deployment %s shall not go on: %v", e.DeploymentID, err)
		status = types.LifecycleEventStatusFailed
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	_, err = codedeploy.NewFromConfig(cfg).PutLifecycleEventHookExecutionStatus(ctx, &codedeploy.PutLifecycleEventHookExecutionStatusInput{
		DeploymentId: &e.DeploymentID, LifecycleEventHookExecutionId: &e.ExecutionID, Status: status,
	})
	return err
}

func check(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return &answered{url, res.Status}
	}
	return nil
}

// answered is an answer that is not 200.
type answered struct{ url, status string }

func (e *answered) Error() string { return e.url + " answered " + e.status }
