// Package codedeploy is AWS CodeDeploy for the ECS platform: applications, deployment
// groups, configurations, revisions, and deployments, each run by one goroutine over a
// durable state machine.
package codedeploy
