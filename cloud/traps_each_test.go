package cloud_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const groupG = `{"applicationName":"app","deploymentGroupName":"g"}`

func waitTimes(r *trapped) {
	r.made(func(in *codedeploy.UpdateDeploymentGroupInput) {
		in.BlueGreenDeploymentConfiguration = &cdtypes.BlueGreenDeploymentConfiguration{}
	})
	numbers := []string{
		`"deploymentReadyOption":\{"actionOnTimeout":"CONTINUE_DEPLOYMENT","waitTimeInMinutes":0\}`,
		`"terminateBlueInstancesOnDeploymentSuccess":\{"action":"TERMINATE","terminationWaitTimeInMinutes":0\}`,
	}
	r.says("codedeploy", "GetDeploymentGroup", groupG, numbers...)
	r.says("codedeploy", "BatchGetDeploymentGroups", `{"applicationName":"app","deploymentGroupNames":["g"]}`, numbers...)
}

func servicesAsGiven(r *trapped) {
	r.made()
	r.says("codedeploy", "GetDeploymentGroup", groupG, `"ecsServices":\[\{"clusterName":"c","serviceName":"s"\}\]|"ecsServices":\[\{"serviceName":"s","clusterName":"c"\}\]`)
	const cluster, service = "arn:aws:ecs:us-east-1:123456789012:cluster/c", "arn:aws:ecs:us-east-1:123456789012:service/c/s"
	must(r.cd.UpdateDeploymentGroup(r.t.Context(), &codedeploy.UpdateDeploymentGroupInput{
		ApplicationName: aws.String("app"), CurrentDeploymentGroupName: aws.String("g"),
		EcsServices: []cdtypes.ECSService{{ClusterName: aws.String(cluster), ServiceName: aws.String(service)}},
	}))
	r.says("codedeploy", "GetDeploymentGroup", groupG, `"clusterName":"`+cluster+`"`, `"serviceName":"`+service+`"`)
	if d := r.deploy("g", r.define("")); d.Status != cdtypes.DeploymentStatusSucceeded {
		r.t.Errorf("%s %+v", d.Status, d.ErrorInformation)
	}
}

func missingService(r *trapped) {
	r.says("ecs", "DescribeServices", `{"cluster":"c","services":["none"]}`,
		`"services":\[\]`, `"failures":\[\{"arn":"arn:aws:ecs:us-east-1:123456789012:service/c/none","reason":"MISSING"\}\]`)
	if status, _ := r.post("ecs", "DescribeServices", `{"cluster":"c","services":["none"]}`); status != http.StatusOK {
		r.t.Errorf("status %d", status)
	}
}

func activeDeployment(r *trapped) {
	r.made(lasting)
	id := r.begun(specOf("web", balanced))
	r.refuses("codedeploy", "CreateDeployment", asked("not even an AppSpec"), "DeploymentLimitExceededException", "The Deployment Group 'g' already has an active Deployment '"+id+"'")
	r.until(id, waiting)
	r.refuses("codedeploy", "CreateDeployment", asked("x"), "DeploymentLimitExceededException", "The Deployment Group 'g' already has an active Deployment '"+id+"'")
}

func terminationWait(r *trapped) {
	r.made(lasting)
	id := r.begun(specOf("web", balanced))
	r.until(id, waiting)
	r.says("codedeploy", "GetDeployment", `{"deploymentId":"`+id+`"}`, `"status":"InProgress"`, `"instanceTerminationWaitTimeStarted":true`, "!completeTime", "!deploymentOverview", "!ifecycleEvent")
	r.says("codedeploy", "GetDeploymentTarget", `{"deploymentId":"`+id+`","targetId":"c:s"}`, `"targetId":"c:s"[^\[]*`, `"status":"Succeeded"`, `"trafficWeight":100(\.0)?[,}]`, `"taskSetLabel":"Blue"`, `"status":"ACTIVE"`)
	r.says("codedeploy", "ContinueDeployment", `{"deploymentId":"`+id+`","deploymentWaitType":"TERMINATION_WAIT"}`, `^(\{\})?$`)
	r.until(id, over)
	r.says("codedeploy", "GetDeployment", `{"deploymentId":"`+id+`"}`, `"status":"Succeeded"`, `"deploymentOverview":\{"Failed":0,"InProgress":0,"Pending":0,"Ready":0,"Skipped":0,"Succeeded":1\}`)
}

func rolledBack(r *trapped) {
	r.made(gradual)
	id := r.begun(specOf("web", balanced))
	r.until(id, func(*cdtypes.DeploymentInfo) bool { _, green := r.weights(); return green == 10 })
	r.says("codedeploy", "StopDeployment", `{"deploymentId":"`+id+`","autoRollbackEnabled":true}`, `"status":"(Succeeded|Pending)"`)
	d := r.until(id, over)
	if d.Status != cdtypes.DeploymentStatusStopped || d.RollbackInfo == nil || d.ErrorInformation.Code != cdtypes.ErrorCodeManualStop {
		r.t.Fatalf("%s %+v", d.Status, d.ErrorInformation)
	}
	back := r.until(*d.RollbackInfo.RollbackDeploymentId, over)
	if back.Status != cdtypes.DeploymentStatusSucceeded || back.Creator != cdtypes.DeploymentCreatorCodeDeployRollback || *back.DeploymentConfigName != "CodeDeployDefault.ECSAllAtOnce" {
		r.t.Errorf("%+v", back)
	}
	if want := "Deployment " + id + " terminated. Automatic rollback is triggered with a DeploymentId " + *back.DeploymentId + "."; *d.RollbackInfo.RollbackMessage != want {
		r.t.Errorf("got %s, want %s", *d.RollbackInfo.RollbackMessage, want)
	}
	r.wantWeights(100, 0)
}

func emptyStrings(r *trapped) {
	r.says("ecs", "RegisterTaskDefinition", `{"family":"f","containerDefinitions":[{"name":"a","image":"b","memory":64,"command":["sh","-c",""],"environment":[{"name":"N","value":""}]}]}`,
		`"command":\["sh","-c",""\]`, `"environment":\[\{"name":"N","value":""\}\]`)
}

func readBack(r *trapped) {
	_, got := r.post("ecs", "DescribeTaskDefinition", `{"taskDefinition":"web","include":["TAGS"]}`)
	var was struct {
		TaskDefinition map[string]any
		Tags           []any
	}
	if err := json.Unmarshal([]byte(got), &was); err != nil || was.Tags == nil || was.TaskDefinition["revision"] != 1.0 {
		r.t.Fatalf("%v %s", err, got)
	}
	was.TaskDefinition["revision"], was.TaskDefinition["status"] = 41, "INACTIVE"
	r.says("ecs", "RegisterTaskDefinition", string(must(json.Marshal(was.TaskDefinition))), `"revision":2[,}]`, `"status":"ACTIVE"`, `"taskDefinitionArn":"[^"]*/web:2"`)
}

func proxyEndpoint(r *trapped) {
	_, got := r.post("ecr", "GetAuthorizationToken", `{}`)
	var token struct {
		AuthorizationData []struct{ AuthorizationToken, ProxyEndpoint string }
	}
	check(r.t, json.Unmarshal([]byte(got), &token))
	_, registry, _ := strings.Cut(token.AuthorizationData[0].ProxyEndpoint, "://")
	if user := string(must(base64.StdEncoding.DecodeString(token.AuthorizationData[0].AuthorizationToken))); !strings.HasPrefix(user, "AWS:") {
		r.t.Errorf("token %s", user)
	}
	r.says("ecr", "CreateRepository", `{"repositoryName":"app"}`, `"repositoryUri":"`+registry+`/app"`)
}

func timestamps(r *trapped) {
	r.made()
	id := *r.deploy("g", r.define("")).DeploymentId
	const seconds = `:17\d{8}(\.\d{1,3})?[,}]`
	r.says("codedeploy", "GetDeployment", `{"deploymentId":"`+id+`"}`, `"createTime"`+seconds, `"startTime"`+seconds, `"completeTime"`+seconds)
	r.says("codedeploy", "GetDeploymentGroup", groupG, `"endTime"`+seconds, `"createTime"`+seconds)
	r.says("ecs", "DescribeServices", `{"cluster":"c","services":["s"]}`, `"createdAt"`+seconds, `"stabilityStatusAt"`+seconds)
	r.says("ecs", "DescribeTaskDefinition", `{"taskDefinition":"web"}`, `"registeredAt"`+seconds)
	r.says("ecr", "GetAuthorizationToken", `{}`, `"expiresAt"`+seconds)
}

func servicesStable(r *trapped) {
	r.made()
	r.deploy("g", r.define(""))
	r.says("ecs", "DescribeServices", `{"cluster":"c","services":["s"]}`, `"deployments":\[\]`, `"taskSets":\[\{`, `"runningCount":1`)
}

func targets(r *trapped) {
	r.made()
	id := *r.deploy("g", r.define("")).DeploymentId
	r.says("codedeploy", "ListDeploymentTargets", `{"deploymentId":"`+id+`"}`, `"targetIds":\["c:s"\]`)
	r.says("codedeploy", "BatchGetDeploymentTargets", `{"deploymentId":"`+id+`","targetIds":["c:s"]}`,
		`"deploymentTargetType":"ECSTarget"`, `"identifer":"ecs-svc/\d{19}"`, "!identifier", `"lastUpdatedAt":\d{10}`, `"targetArn":"arn:aws:ecs:us-east-1:123456789012:service/c/s"`)
}

func computePlatform(r *trapped) {
	must(r.cd.CreateApplication(r.t.Context(), &codedeploy.CreateApplicationInput{ApplicationName: aws.String("plain")}))
	const group = `{"applicationName":"plain","deploymentGroupName":"g","serviceRoleArn":"arn:aws:iam::123456789012:role/deployer","ecsServices":[{"clusterName":"c","serviceName":"s"}]`
	r.refuses("codedeploy", "CreateDeploymentGroup", group+`,"deploymentStyle":{"deploymentType":"BLUE_GREEN","deploymentOption":"WITH_TRAFFIC_CONTROL"},"loadBalancerInfo":{"targetGroupPairInfoList":[]}}`,
		"InvalidLoadBalancerInfoException", "The specification for load balancing in the deployment group is invalid. The deploymentOption value is set to WITH_TRAFFIC_CONTROL, "+
			"but either no load balancer was specified in elbInfoList or no target group was specified in targetGroupInfoList.")
	r.refuses("codedeploy", "CreateDeploymentGroup", group+`}`, "InvalidECSServiceException", "Should not specify ECS services parameter for Server deployment group")
}

func unchangedDefinition(r *trapped) {
	const use = " on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment."
	r.refuses("ecs", "UpdateService", `{"cluster":"c","service":"s","taskDefinition":"web:1"}`, "InvalidParameterException", "Unable to update task definition"+use)
	r.refuses("ecs", "UpdateService", `{"cluster":"c","service":"s","forceNewDeployment":true}`, "InvalidParameterException", "Cannot force a new deployment"+use)
	r.says("ecs", "UpdateService", `{"cluster":"c","service":"s","desiredCount":2}`, `"desiredCount":2`)
}

func colours(r *trapped) {
	r.made()
	for _, now := range []string{r.green, r.blue, r.green} {
		id := *r.deploy("g", r.define("")).DeploymentId
		name := strings.Split(now, "/")[1]
		r.says("ecs", "DescribeServices", `{"cluster":"c","services":["s"]}`, `"loadBalancers":\[\{[^]]*"targetGroupArn":"`+now+`"`)
		r.says("codedeploy", "GetDeploymentTarget", `{"deploymentId":"`+id+`","targetId":"c:s"}`, `"status":"PRIMARY"[^{}]*"targetGroup":\{"name":"`+name+`"\}[^{}]*"taskSetLabel":"Green"|"targetGroup":\{"name":"`+name+`"\},"taskSetLabel":"Green"`)
	}
}

func unusedGroup(r *trapped) {
	must(r.elb.ModifyListener(r.t.Context(), &elb.ModifyListenerInput{ListenerArn: &r.listener, DefaultActions: r.forward(r.blue)}))
	r.made(gradual)
	r.wantWeights(100, 0) // as soon as the group is there
	d := r.until(r.begun(specOf("web", balanced)), over)
	if d.Status != cdtypes.DeploymentStatusSucceeded {
		r.t.Errorf("%s %+v", d.Status, d.ErrorInformation)
	}
	r.wantWeights(0, 100)
	if l := must(r.elb.DescribeListeners(r.t.Context(), &elb.DescribeListenersInput{ListenerArns: []string{r.listener}})).Listeners[0]; l.DefaultActions[0].TargetGroupArn != nil {
		r.t.Errorf("an action with two groups names %s as its one", *l.DefaultActions[0].TargetGroupArn)
	}
}

func rules(r *trapped) {
	rule := r.rule(r.blue)
	r.made()
	r.deploy("g", r.define(""))
	r.wantWeights(0, 100)
	r.wantWeights(0, 100, rule)
	r.deploy("g", r.define(""))
	r.wantWeights(100, 0, rule)
}

func staleRule(r *trapped) {
	rule := r.rule(r.green)
	r.made()
	d := r.deploy("g", r.define(""))
	if want := "The ELB could not be updated due to the following error: Primary taskset target group must be behind listener " + rule; d.Status != cdtypes.DeploymentStatusFailed || *d.ErrorInformation.Message != want {
		r.t.Errorf("%s %s", d.Status, *d.ErrorInformation.Message)
	}
	if n := len(must(r.ecs.DescribeServices(r.t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String("c"), Services: []string{"s"}})).Services[0].TaskSets); n != 1 {
		r.t.Errorf("%d task sets", n)
	}
	r.wantWeights(100, 0)
}

func appSpecs(r *trapped) {
	r.made()
	const lower = "version: 1\nresources:\n  - targetService:\n      type: AWS::ECS::Service\n      properties:\n        taskDefinition: web\n        loadBalancerInfo:\n          containerName: web\n          containerPort: 80\n"
	const invalid = "The deployment failed because the AppSpec file that specifies the deployment configuration is missing or has an invalid configuration. "
	for content, message := range map[string]string{
		lower:                        "",
		specOf("web", balanced):      "",
		"this is not an appspec: [[": invalid + "The input AppSpec file is a not well-formed yaml. The template cannot be parsed.",
		specOf("web", `[{"ContainerName":"web","ContainerPort":80}]`):    invalid + "LoadBalancerInfo must be an object with ContainerName and ContainerPort.",
		specOf("web", `{"ContainerName":"web","ContainerPort":"80"}`):    invalid + "ContainerPort must be an integer from 1 to 65535.",
		strings.Replace(lower, "loadBalancerInfo:\n  ", "hooks:\n  ", 1): invalid + "LoadBalancerInfo must be an object with ContainerName and ContainerPort.",
	} {
		d := r.until(r.begun(content), over) // it is read after CreateDeployment has answered
		switch {
		case message == "" && d.Status != cdtypes.DeploymentStatusSucceeded:
			r.t.Errorf("%s\n%s %+v", content, d.Status, d.ErrorInformation)
		case message != "" && (d.Status != cdtypes.DeploymentStatusFailed || *d.ErrorInformation.Message != message):
			r.t.Errorf("%s\n%s %s", content, d.Status, *d.ErrorInformation.Message)
		}
	}
}

func newestFirst(r *trapped) {
	r.made()
	var ids []string
	for range 3 {
		ids = append([]string{*r.deploy("g", r.define("")).DeploymentId}, ids...)
	}
	got := must(r.cd.ListDeployments(r.t.Context(), &codedeploy.ListDeploymentsInput{ApplicationName: aws.String("app"), DeploymentGroupName: aws.String("g")})).Deployments
	if !slices.Equal(got, ids) {
		r.t.Errorf("got %v, want %v", got, ids)
	}
	r.says("codedeploy", "GetDeploymentGroup", groupG, `"lastAttemptedDeployment":\{[^}]*"deploymentId":"`+ids[0]+`"`, `"lastSuccessfulDeployment":\{[^}]*"deploymentId":"`+ids[0]+`"`)
}

func taskSets(r *trapped) {
	for op, body := range map[string]string{
		"DescribeTaskSets": `{"cluster":"c","service":"s"}`, "CreateTaskSet": `{"cluster":"c","service":"s","taskDefinition":"web"}`,
		"DeleteTaskSet": `{"cluster":"c","service":"s","taskSet":"ecs-svc/1"}`, "UpdateServicePrimaryTaskSet": `{"cluster":"c","service":"s","primaryTaskSet":"ecs-svc/1"}`,
	} {
		r.refuses("ecs", op, body, "InvalidParameterException", "Amazon ECS only supports task set management on services configured to use external deployment controllers.")
	}
}

func fiveTaskSets(r *trapped) {
	must(r.ecs.CreateService(r.t.Context(), &ecs.CreateServiceInput{
		Cluster: aws.String("c"), ServiceName: aws.String("x"), DeploymentController: &ecstypes.DeploymentController{Type: ecstypes.DeploymentControllerTypeExternal}, DesiredCount: aws.Int32(1),
	}))
	const set = `{"cluster":"c","service":"x","taskDefinition":"web","launchType":"FARGATE","networkConfiguration":{"awsvpcConfiguration":{"subnets":["subnet-0123456789abcdef0"]}}}`
	for range 5 {
		r.says("ecs", "CreateTaskSet", set, `"id":"ecs-svc/\d{19}"`)
	}
	r.refuses("ecs", "CreateTaskSet", set, "InvalidParameterException", "5 deployments exist on the service. Unable to create new TaskSet since this exceeds the maximum limit.")
}

func notStarted(r *trapped) {
	r.made()
	id := r.begun("no AppSpec: [[")
	r.until(id, over)
	r.says("codedeploy", "ListDeploymentTargets", `{"deploymentId":"`+id+`"}`, `"__type":"DeploymentNotStartedException"`)
}

func brokenImage(r *trapped) {
	must(r.elb.ModifyTargetGroup(r.t.Context(), &elb.ModifyTargetGroupInput{TargetGroupArn: &r.green, Matcher: &elbtypes.Matcher{HttpCode: aws.String("418")}, HealthCheckPath: aws.String("/none")}))
	must(r.elb.ModifyListener(r.t.Context(), &elb.ModifyListenerInput{ListenerArn: &r.listener, DefaultActions: r.forward(r.blue)}))
	r.made()
	if d := r.deploy("g", r.define("")); d.Status != cdtypes.DeploymentStatusSucceeded {
		r.t.Fatalf("green is behind no listener and so not checked: %s %s", d.Status, *d.ErrorInformation.Message)
	}
	r.wantWeights(0, 100)
	must(r.elb.ModifyTargetGroup(r.t.Context(), &elb.ModifyTargetGroupInput{TargetGroupArn: &r.blue, Matcher: &elbtypes.Matcher{HttpCode: aws.String("418")}, HealthCheckPath: aws.String("/none")}))
	const want = "The deployment timed out while waiting for the replacement task set to become healthy. This time out period is 60 minutes."
	if d := r.deploy("g", r.define("")); d.Status != cdtypes.DeploymentStatusFailed || *d.ErrorInformation.Message != want {
		r.t.Errorf("the other group has stayed behind the listener and is checked: %s %+v", d.Status, d.ErrorInformation)
	}
}

func noProvider(r *trapped) {
	in := &sts.AssumeRoleWithWebIdentityInput{RoleArn: &r.deployer, RoleSessionName: aws.String("GitHubActions"), WebIdentityToken: aws.String(r.jobToken(""))}
	client := sts.NewFromConfig(aws.Config{Region: r.cfg.Region, BaseEndpoint: r.cfg.BaseEndpoint})
	_, err := client.AssumeRoleWithWebIdentity(r.t.Context(), in)
	wantError(r.t, err, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://token.actions.githubusercontent.com")
	r.deployRole()
	_, err = client.AssumeRoleWithWebIdentity(r.t.Context(), in)
	wantError(r.t, err, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	in.RoleArn = aws.String("arn:aws:iam::123456789012:role/none") // told no differently (690)
	_, err = client.AssumeRoleWithWebIdentity(r.t.Context(), in)
	wantError(r.t, err, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
}
