package codedeploy

import "github.com/turnoutdev/turnout/cloud/internal/wire"

// Ops lists what the service answers.
func (s *Service) Ops() []wire.Op {
	const ecsOnly = "Only the ECS platform deploys. A group of a Server application has no instances, so that its deployments fail as they do on AWS then; deployments of Lambda applications are refused."
	const instances = "there are no instances that an agent would deploy to"
	return []wire.Op{
		wire.Handle(s.CreateApplication),
		wire.Handle(s.GetApplication),
		wire.Handle(s.BatchGetApplications),
		wire.Handle(s.ListApplications),
		wire.Handle(s.UpdateApplication),
		wire.Handle(s.DeleteApplication),

		wire.Handle(s.CreateDeploymentGroup).Differing("Triggers are records: nothing is published."),
		wire.Handle(s.GetDeploymentGroup),
		wire.Handle(s.BatchGetDeploymentGroups),
		wire.Handle(s.ListDeploymentGroups),
		wire.Handle(s.UpdateDeploymentGroup),
		wire.Handle(s.DeleteDeploymentGroup),

		wire.Handle(s.CreateDeploymentConfig),
		wire.Handle(s.GetDeploymentConfig),
		wire.Handle(s.ListDeploymentConfigs),
		wire.Handle(s.DeleteDeploymentConfig),

		wire.Handle(s.RegisterApplicationRevision),
		wire.Handle(s.GetApplicationRevision),
		wire.Handle(s.BatchGetApplicationRevisions),
		wire.Handle(s.ListApplicationRevisions),

		wire.Handle(s.CreateDeployment).Differing(ecsOnly).Differing("Zip and tar bundles are refused: an AppSpec for ECS is YAML or JSON."),
		wire.Handle(s.GetDeployment),
		wire.Handle(s.BatchGetDeployments),
		wire.Handle(s.ListDeployments),
		wire.Handle(s.StopDeployment),
		wire.Handle(s.ContinueDeployment),
		wire.Handle(s.SkipWaitTimeForInstanceTermination),
		wire.Handle(s.PutLifecycleEventHookExecutionStatus),

		wire.Handle(s.ListDeploymentTargets),
		wire.Handle(s.GetDeploymentTarget),
		wire.Handle(s.BatchGetDeploymentTargets),

		wire.Handle(s.TagResource),
		wire.Handle(s.UntagResource),
		wire.Handle(s.ListTagsForResource),

		wire.Handle(s.ListDeploymentInstances),
		wire.Handle(s.GetDeploymentInstance),
		wire.Handle(s.BatchGetDeploymentInstances),
		wire.Handle(s.RegisterOnPremisesInstance).RecordOnly(instances),
		wire.Handle(s.DeregisterOnPremisesInstance).RecordOnly(instances),
		wire.Handle(s.GetOnPremisesInstance),
		wire.Handle(s.BatchGetOnPremisesInstances),
		wire.Handle(s.ListOnPremisesInstances),
		wire.Handle(s.AddTagsToOnPremisesInstances).RecordOnly(instances),
		wire.Handle(s.RemoveTagsFromOnPremisesInstances).RecordOnly(instances),
		wire.Handle(s.ListGitHubAccountTokenNames).Differing("Connections to GitHub are made in AWS's console: there are none."),
		wire.Handle(s.DeleteGitHubAccountToken),
		wire.Handle(s.DeleteResourcesByExternalId).Differing("Nothing has an external id: there is no CloudFormation."),
	}
}
