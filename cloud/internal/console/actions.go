package console

import (
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

// action is a button.
type action struct {
	Name   string `json:"name"` // in the path
	Label  string `json:"label"`
	Asks   string `json:"asks"`   // before it is done
	Danger bool   `json:"danger"` // it ends something
}

// actions are what can be done about a deployment now, as AWS's console has it.
func actions(info *types.DeploymentInfo) []action {
	out := []action{}
	if over(info.Status) {
		return out
	}
	undoing := info.RollbackInfo != nil && info.RollbackInfo.RollbackTriggeringDeploymentId != nil
	switch {
	case info.Status == types.DeploymentStatusReady:
		out = append(out, action{"reroute", "Reroute traffic", "Production traffic goes to the replacement task set, without further waiting.", false})
	case info.InstanceTerminationWaitTimeStarted:
		out = append(out, action{"terminate", "Terminate original task set", "The original task set ends now, and with it the quick way back.", true})
	}
	out = append(out, action{"stop", "Stop deployment", "The deployment stops where it stands. Traffic stays as it is, and both task sets stay.", true})
	if !undoing {
		out = append(out, action{"rollback", "Stop and roll back", "The deployment stops, all traffic returns to the original task set, and the replacement ends.", true})
	}
	return out
}

// act does what a button says.
func (c *Console) act(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	var err error
	switch name := r.PathValue("action"); name {
	case "stop", "rollback":
		_, err = c.Steering.StopDeployment(r.Context(), &codedeploy.StopDeploymentInput{DeploymentId: &id, AutoRollbackEnabled: aws.Bool(name == "rollback")})
	case "reroute":
		_, err = c.Steering.ContinueDeployment(r.Context(), &codedeploy.ContinueDeploymentInput{DeploymentId: &id, DeploymentWaitType: types.DeploymentWaitTypeReadyWait})
	case "terminate":
		_, err = c.Steering.ContinueDeployment(r.Context(), &codedeploy.ContinueDeploymentInput{DeploymentId: &id, DeploymentWaitType: types.DeploymentWaitTypeTerminationWait})
	default:
		err = absent("action", fmt.Sprintf("%q", name))
	}
	if err != nil {
		e := complain(err)
		refuse(w, http.StatusConflict, e.Code, e.Message)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
