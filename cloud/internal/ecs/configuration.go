package ecs

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// configured is the deployment configuration after a request: what it does not mention
// stays, what nobody ever mentioned has ECS's defaults.
func (v *service) configured(old types.DeploymentConfiguration, asked *types.DeploymentConfiguration) (types.DeploymentConfiguration, error) {
	out := old
	if asked != nil {
		if err := v.checkConfiguration(*asked); err != nil {
			return old, err
		}
		replace(&out.MinimumHealthyPercent, asked.MinimumHealthyPercent)
		replace(&out.MaximumPercent, asked.MaximumPercent)
		replace(&out.DeploymentCircuitBreaker, asked.DeploymentCircuitBreaker)
		replace(&out.Alarms, asked.Alarms)
		replace(&out.BakeTimeInMinutes, asked.BakeTimeInMinutes)
	}
	least, most := int32(100), int32(200)
	if v.Scheduling == types.SchedulingStrategyDaemon {
		least, most = 0, 100
	}
	fill(&out.MinimumHealthyPercent, least)
	fill(&out.MaximumPercent, most)
	if v.rolling() {
		fill(&out.DeploymentCircuitBreaker, types.DeploymentCircuitBreaker{})
		fill(&out.BakeTimeInMinutes, 0)
		out.Strategy = types.DeploymentStrategyRolling
	}
	if *out.MaximumPercent < *out.MinimumHealthyPercent {
		return old, invalid("The maximumPercent value must be greater than or equal to the minimumHealthyPercent value.")
	}
	return out, nil
}

func replace[T any](at **T, v *T) {
	if v != nil {
		*at = v
	}
}

func fill[T any](at **T, v T) {
	if *at == nil {
		*at = &v
	}
}

// checkConfiguration refuses what the service's controller cannot do. A feature that is
// named only to be off is no use of it: ecspresso sends a circuit breaker that is off with
// every update, under CODE_DEPLOY too.
func (v *service) checkConfiguration(c types.DeploymentConfiguration) error {
	switch {
	case !v.rolling() && c.Alarms != nil && (c.Alarms.Enable || c.Alarms.Rollback):
		return invalid("Alarm based rollback feature is only supported with ECS deployment controller. Update to ECS deployment controller and try again.")
	case !v.rolling() && c.DeploymentCircuitBreaker != nil && (c.DeploymentCircuitBreaker.Enable || c.DeploymentCircuitBreaker.Rollback):
		return invalid("Deployment circuit breaker feature is only supported with ECS deployment controller. Update to ECS deployment controller and try again.")
	case c.Strategy != "" && c.Strategy != types.DeploymentStrategyRolling:
		return unsupported("The deployment strategy %s is not supported. Use ROLLING, or the CODE_DEPLOY deployment controller for blue/green deployments.", c.Strategy)
	case len(c.LifecycleHooks) > 0:
		return unsupported("Lifecycle hooks need a deployment strategy other than ROLLING, which is not supported.")
	case c.MinimumHealthyPercent != nil && *c.MinimumHealthyPercent < 0:
		return invalid("The minimumHealthyPercent value cannot be less than 0.")
	case c.MaximumPercent != nil && *c.MaximumPercent < 1:
		return invalid("The maximumPercent value must be greater than 0.")
	}
	return nil
}

// threshold is how many failed tasks trip the circuit breaker of a service's deployment.
func threshold(c types.DeploymentConfiguration, desired int32) int32 {
	percent, bounded := int32(50), true
	if b := c.DeploymentCircuitBreaker; b != nil && b.ThresholdConfiguration != nil {
		switch t := b.ThresholdConfiguration; t.Type {
		case types.ThresholdTypeCount:
			return max(t.Value, 1)
		case types.ThresholdTypeUnboundedPercent:
			percent, bounded = t.Value, false
		default:
			percent = t.Value
		}
	}
	n := (desired*percent + 99) / 100
	if bounded {
		return min(max(3, n), 200)
	}
	return max(n, 1)
}

// resets tells whether a task that turns well sets the count of failures back.
func resets(c types.DeploymentConfiguration) bool {
	b := c.DeploymentCircuitBreaker
	return b == nil || b.ResetOnHealthyTask == nil || aws.ToBool(b.ResetOnHealthyTask)
}
