package ecs

import "github.com/turnoutdev/turnout/cloud/internal/wire"

// Ops are the operations that the service answers. What is absent stands in doc.go.
func (s *Service) Ops() []wire.Op {
	return []wire.Op{
		wire.Handle(s.CreateCluster), wire.Handle(s.DescribeClusters), wire.Handle(s.ListClusters), wire.Handle(s.DeleteCluster),
		wire.Handle(s.UpdateCluster), wire.Handle(s.UpdateClusterSettings), wire.Handle(s.PutClusterCapacityProviders),

		wire.Handle(s.CreateCapacityProvider).RecordOnly("there are no Auto Scaling groups"),
		wire.Handle(s.UpdateCapacityProvider).RecordOnly("there are no Auto Scaling groups"),
		wire.Handle(s.DeleteCapacityProvider), wire.Handle(s.DescribeCapacityProviders),

		wire.Handle(s.RegisterTaskDefinition), wire.Handle(s.DescribeTaskDefinition), wire.Handle(s.ListTaskDefinitions), wire.Handle(s.ListTaskDefinitionFamilies),
		wire.Handle(s.DeregisterTaskDefinition), wire.Handle(s.DeleteTaskDefinitions),

		wire.Handle(s.CreateService).Differing("deployment strategies other than ROLLING are refused").
			Differing("tasks of launch type EC2 run without container instances"),
		wire.Handle(s.UpdateService), wire.Handle(s.DescribeServices), wire.Handle(s.DeleteService), wire.Handle(s.ListServices),
		wire.Handle(s.ListServicesByNamespace),

		wire.Handle(s.CreateTaskSet), wire.Handle(s.UpdateTaskSet), wire.Handle(s.DescribeTaskSets), wire.Handle(s.DeleteTaskSet),
		wire.Handle(s.UpdateServicePrimaryTaskSet),

		wire.Handle(s.ListServiceDeployments), wire.Handle(s.DescribeServiceDeployments), wire.Handle(s.DescribeServiceRevisions),
		wire.Handle(s.StopServiceDeployment),

		wire.Handle(s.RunTask), wire.Handle(s.StartTask), wire.Handle(s.StopTask), wire.Handle(s.ListTasks), wire.Handle(s.DescribeTasks),
		wire.Handle(s.ExecuteCommand).Differing("sessions are neither encrypted nor logged"),
		wire.Handle(s.GetTaskProtection), wire.Handle(s.UpdateTaskProtection),

		wire.Handle(s.TagResource), wire.Handle(s.UntagResource), wire.Handle(s.ListTagsForResource),

		wire.Handle(s.ListAccountSettings), wire.Handle(s.PutAccountSetting).RecordOnly("settings change nothing here"),
		wire.Handle(s.PutAccountSettingDefault).RecordOnly("settings change nothing here"), wire.Handle(s.DeleteAccountSetting),

		wire.Handle(s.ListContainerInstances), wire.Handle(s.DescribeContainerInstances), wire.Handle(s.UpdateContainerInstancesState),
		wire.Handle(s.DeregisterContainerInstance), wire.Handle(s.UpdateContainerAgent),
		wire.Handle(s.ListAttributes), wire.Handle(s.PutAttributes), wire.Handle(s.DeleteAttributes),
	}
}
