// Package ecs is Amazon ECS: clusters, task definitions, services, task sets and tasks,
// and the scheduler that makes what runs agree with what is desired.
package ecs
