// Package codedeploy is AWS CodeDeploy for the ECS platform: applications, deployment
// groups, configurations, revisions, and deployments.
//
// The API (api_*.go) checks a call and writes in one transaction. A deployment has an owner
// (engine.go), the one goroutine that takes it through its phases; requests to stop or to
// continue are marks in its record, which the owner reads while it waits. Each phase can be
// run again, so that a deployment goes on where it was when the cloud starts again. What
// the owner asks of ECS, Elastic Load Balancing, Lambda, CloudWatch and S3 it asks as the
// deployment group's service role. While it waits it looks at ECS when that has told of a
// change, and every ten seconds; alarms, of which it is told by nobody, every ten seconds.
//
// Every operation of the API is answered. What is about instances is answered as AWS does
// where there are none: on-premises instances are records, and a deployment of a Server
// application fails for want of instances.
//
// Texts and limits are AWS's where they are public; refusals that nobody has quoted are
// worded here. Decided where AWS's guides are silent:
//   - A service role that cannot be assumed fails a deployment with IAM_ROLE_PERMISSIONS, be
//     it missing or mistrustful; so does every call that the role does not permit.
//   - A location without revisionType is of the type of its body.
//   - The ready wait stands between AfterAllowTestTraffic and BeforeAllowTraffic.
//   - The test listener must have the primary task set's target group among its own when a
//     deployment starts, with whatever weight.
//   - Task sets that a deployment has left behind, because it was stopped without a
//     rollback or told to keep blue, are ended when the next one starts.
//   - StopDeployment without autoRollbackEnabled rolls back if the group does on
//     DEPLOYMENT_STOP_ON_REQUEST.
//   - A stop takes effect where the owner next waits: at the beginning of each lifecycle
//     event, and all through those that last. A rollback can be stopped before it begins.
//   - Once blue's end has begun, neither a stop nor an alarm changes a deployment's outcome.
//   - The target groups of a pair must be one load balancer's between them; one of them may
//     be in no listener yet.
//   - A revision in S3 is read once, when the deployment starts.
//   - Alarms are watched until the deployment ends, its termination wait included.
//   - A green task set that is not steady for five minutes, from the moment its traffic
//     moves to the end of the termination wait, fails the deployment, whatever it is that
//     unsettled it: a service that scales, or tasks that end. It is a TIMEOUT.
//   - A group that is deleted and made again has none of the old one's deployments; those
//     of a deleted application go with it.
//
// Known differences from AWS:
//   - Triggers are checked and kept, and publish nothing.
//   - Zip and tar bundles are refused: an AppSpec for ECS is YAML or JSON.
//   - Deployments of Lambda applications are refused.
package codedeploy
