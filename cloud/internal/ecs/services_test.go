package ecs

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func TestCreateServiceRefusals(t *testing.T) {
	type in = ecs.CreateServiceInput
	bridge := definitionInput("web")
	bridge.Family, bridge.NetworkMode, bridge.RequiresCompatibilities = aws.String("bridge"), types.NetworkModeBridge, nil
	play(t, func(t *testing.T, s *stage) {
		out, err := s.RegisterTaskDefinition(bg, bridge)
		must(t, out, err)
		gone := s.register("web")
		off, err := s.DeregisterTaskDefinition(bg, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &gone})
		must(t, off, err)
		for _, c := range []struct {
			code, message string
			change        func(*in)
		}{
			{"InvalidParameterException", "The target group with targetGroupArn tg/loose does not have an associated load balancer.", func(in *in) { in.LoadBalancers = behind("tg/loose") }},
			{"InvalidParameterException", "The target group tg/none does not exist.", func(in *in) { in.LoadBalancers = behind("tg/none") }},
			{"InvalidParameterException", "The provided target group tg/instance has target type instance, which is incompatible with the awsvpc network mode specified in the task definition.", func(in *in) { in.LoadBalancers = behind("tg/instance") }},
			{"InvalidParameterException", "The container api does not exist in the task definition.", func(in *in) { in.LoadBalancers[0].ContainerName = aws.String("api") }},
			{"InvalidParameterException", "The container web did not have a container port 81 defined.", func(in *in) { in.LoadBalancers[0].ContainerPort = aws.Int32(81) }},
			{"InvalidParameterException", "Container Name can not be blank.", func(in *in) { in.LoadBalancers[0].ContainerName = nil }},
			{"InvalidParameterException", "Container Port can not be blank.", func(in *in) { in.LoadBalancers[0].ContainerPort = nil }},
			{"InvalidParameterException", "Target Group ARN can not be blank.", func(in *in) { in.LoadBalancers[0].TargetGroupArn = nil }},
			{"ClientException", "TaskDefinition not found.", func(in *in) { in.TaskDefinition = aws.String("web:9") }},
			{"ClientException", "TaskDefinition is inactive", func(in *in) { in.TaskDefinition = &gone }},
			{"InvalidParameterException", "TaskDefinition can not be blank.", func(in *in) { in.TaskDefinition = nil }},
			{"ClusterNotFoundException", "Cluster not found.", func(in *in) { in.Cluster = aws.String("x") }},
			{"InvalidParameterException", "Invalid service name.", func(in *in) { in.ServiceName = aws.String("a b") }},
			{"InvalidParameterException", "The desiredCount parameter is required when using the REPLICA scheduling strategy. Specify a desired count and try again.", func(in *in) { in.DesiredCount = nil }},
			{"InvalidParameterException", "desiredCount cannot be less than 0.", func(in *in) { in.DesiredCount = aws.Int32(-1) }},
			{"InvalidParameterException", "desiredCount cannot be greater than 5000, the quota of tasks in a service.", func(in *in) { in.DesiredCount = aws.Int32(math.MaxInt32) }},
			{"InvalidParameterException", "Network Configuration must be provided when networkMode 'awsvpc' is specified.", func(in *in) { in.NetworkConfiguration = nil }},
			{"InvalidParameterException", "subnets can not be empty.", func(in *in) {
				in.NetworkConfiguration = &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{}}
			}},
			{"InvalidParameterException", "Network Configuration is not valid for the given networkMode of this task definition.", func(in *in) { in.TaskDefinition, in.LaunchType = aws.String("bridge"), types.LaunchTypeEc2 }},
			{"InvalidParameterException", "Task definition does not support launch_type FARGATE.", func(in *in) { in.TaskDefinition = aws.String("bridge") }},
			{"InvalidParameterException", "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.", func(in *in) {
				strategy, err := s.PutClusterCapacityProviders(bg, &ecs.PutClusterCapacityProvidersInput{Cluster: inC, CapacityProviders: fargates})
				must(t, strategy, err)
				in.CapacityProviderStrategy = []types.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE"), Weight: 1}}
			}},
			{"PlatformUnknownException", "The specified platform does not exist.", func(in *in) { in.PlatformVersion = aws.String("9.9.9") }},
			{"InvalidParameterException", "The platform version must be null when specifying an EC2 launch type.", func(in *in) { in.PlatformVersion, in.LaunchType = aws.String("1.4.0"), types.LaunchTypeEc2 }},
			{"InvalidParameterException", "Health check grace period is only valid for services configured to use load balancers", func(in *in) {
				in.DeploymentController, in.LoadBalancers, in.HealthCheckGracePeriodSeconds = nil, nil, aws.Int32(5)
			}},
			{"InvalidParameterException", "Alarm based rollback feature is only supported with ECS deployment controller. Update to ECS deployment controller and try again.", func(in *in) {
				in.DeploymentConfiguration = &types.DeploymentConfiguration{Alarms: &types.DeploymentAlarms{Enable: true}}
			}},
			{"InvalidParameterException", "The CODE_DEPLOY deployment controller requires exactly one load balancer. Specify one target group and try again.", func(in *in) { in.LoadBalancers = nil }},
			{"InvalidParameterException", "The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and try again", func(in *in) { in.SchedulingStrategy = types.SchedulingStrategyDaemon }},
			{"InvalidParameterException", "The maximumPercent value must be greater than or equal to the minimumHealthyPercent value.", func(in *in) { in.DeploymentConfiguration = percents(100, 50) }},
			{"UnsupportedFeatureException", "The deployment strategy BLUE_GREEN is not supported. Use ROLLING, or the CODE_DEPLOY deployment controller for blue/green deployments.", func(in *in) {
				in.DeploymentConfiguration = &types.DeploymentConfiguration{Strategy: types.DeploymentStrategyBlueGreen}
			}},
			{"InvalidParameterException", "Tags with the prefix aws: are reserved for AWS use.", func(in *in) { in.Tags = []types.Tag{{Key: aws.String("aws:x")}} }},
			{"InvalidParameterException", "Unsupported resource type: service", func(in *in) { in.Cluster = aws.String("arn:aws:ecs:us-east-1:123456789012:service/c/s") }},
		} {
			in := serviceInput(cd)
			c.change(in)
			_, err := s.CreateService(bg, in)
			wantError(t, err, c.code, c.message)
		}
		if n := len(must2(s.ListServices(bg, &ecs.ListServicesInput{Cluster: inC})).ServiceArns); n != 0 {
			t.Errorf("%d services stand after refusals", n)
		}
	})
}

// must2 returns v; tests whose call cannot fail use it.
func must2[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// That nothing would change does not help: Terraform's and CDK's users know the first.
func TestUpdateServiceRefusals(t *testing.T) {
	const use = " on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment."
	play(t, func(t *testing.T, s *stage) {
		s.create(cd)
		same := s.service()
		for _, c := range []struct {
			message string
			in      ecs.UpdateServiceInput
		}{
			{"Unable to update task definition" + use, ecs.UpdateServiceInput{TaskDefinition: same.TaskDefinition}},
			{"Unable to update load balancers" + use, ecs.UpdateServiceInput{LoadBalancers: same.LoadBalancers}},
			{"Unable to update load balancers" + use, ecs.UpdateServiceInput{LoadBalancers: []types.LoadBalancer{}}},
			{"Unable to update network parameters" + use, ecs.UpdateServiceInput{NetworkConfiguration: same.NetworkConfiguration}},
			{"Unable to update platform version" + use, ecs.UpdateServiceInput{PlatformVersion: aws.String("1.4.0")}},
			{"Cannot force a new deployment" + use, ecs.UpdateServiceInput{ForceNewDeployment: true}},
			{"desiredCount cannot be less than 0.", ecs.UpdateServiceInput{DesiredCount: aws.Int32(-1)}},
			{"desiredCount cannot be greater than 5000, the quota of tasks in a service.", ecs.UpdateServiceInput{DesiredCount: aws.Int32(math.MaxInt32)}},
			{
				"Deployment circuit breaker feature is only supported with ECS deployment controller. Update to ECS deployment controller and try again.",
				ecs.UpdateServiceInput{DeploymentConfiguration: &types.DeploymentConfiguration{DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{Enable: true}}},
			},
		} {
			c.in.Cluster, c.in.Service = inC, nameS
			_, err := s.UpdateService(bg, &c.in)
			wantError(t, err, "InvalidParameterException", c.message)
		}
		s.update(&ecs.UpdateServiceInput{
			DesiredCount: aws.Int32(3), HealthCheckGracePeriodSeconds: aws.Int32(7), DeploymentConfiguration: percents(50, 150), EnableECSManagedTags: aws.Bool(true),
			PropagateTags: types.PropagateTagsService,
		})
		off := percents(50, 150) // as ecspresso sends it with any change of the service
		off.DeploymentCircuitBreaker = &types.DeploymentCircuitBreaker{}
		s.update(&ecs.UpdateServiceInput{DeploymentConfiguration: off})
		v := s.service()
		if v.DesiredCount != 3 || *v.HealthCheckGracePeriodSeconds != 7 || *v.DeploymentConfiguration.MaximumPercent != 150 || !v.EnableECSManagedTags {
			t.Errorf("%+v", v)
		}
		_, err := s.UpdateService(bg, &ecs.UpdateServiceInput{Cluster: inC, Service: aws.String("x")})
		wantError(t, err, "ServiceNotFoundException", "Service not found.")
		_, err = s.UpdateService(bg, &ecs.UpdateServiceInput{Cluster: inC, Service: nameS, DeploymentController: &types.DeploymentController{Type: rolling}})
		wantError(t, err, "UnsupportedFeatureException", "The deployment controller of a service cannot be changed. Create another service.")
	})
}

func TestUpdatesThatBeginNoDeployment(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(rolling)
		s.stable()
		for _, in := range []*ecs.UpdateServiceInput{
			{TaskDefinition: aws.String("web")}, {TaskDefinition: aws.String("web:1")}, {NetworkConfiguration: network()}, {DesiredCount: aws.Int32(3)},
			{LoadBalancers: behind("tg/blue")}, {HealthCheckGracePeriodSeconds: aws.Int32(3)},
		} {
			s.update(in)
			if n := len(s.service().Deployments); n != 1 {
				t.Fatalf("%+v began a deployment", in)
			}
		}
		_, err := s.UpdateService(bg, &ecs.UpdateServiceInput{Cluster: inC, Service: nameS, EnableExecuteCommand: aws.Bool(true)})
		wantError(t, err, "InvalidParameterException", "The service couldn't be updated because a valid taskRoleArn is not being used. Specify a valid task role in your task definition and try again.")
		for _, in := range []*ecs.UpdateServiceInput{
			{ForceNewDeployment: true}, {LoadBalancers: behind("tg/green")}, {PlatformVersion: aws.String("1.4.0")},
		} {
			s.update(in)
			if n := len(s.service().Deployments); n < 2 {
				t.Fatalf("%+v began no deployment", in)
			}
			s.stable()
		}
		if s.groups.in("tg/blue") != "" || s.groups.in("tg/green") == "" {
			t.Error("tasks did not move to the other group")
		}
	})
}

func TestWhatAServiceShows(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(rolling, func(in *ecs.CreateServiceInput) {
			in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}}
		})
		v := s.service()
		d := v.DeploymentConfiguration
		if *d.MaximumPercent != 200 || *d.MinimumHealthyPercent != 100 || d.DeploymentCircuitBreaker.Enable || d.Strategy != types.DeploymentStrategyRolling {
			t.Errorf("defaults: %+v", d)
		}
		if *v.PlatformVersion != "LATEST" || *v.PlatformFamily != "Linux" || *v.Deployments[0].PlatformVersion != "1.4.0" || *v.HealthCheckGracePeriodSeconds != 0 {
			t.Errorf("platform: %s %s %s", *v.PlatformVersion, *v.PlatformFamily, *v.Deployments[0].PlatformVersion)
		}
		if *v.RoleArn != "arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS" || *v.CreatedBy != "arn:aws:iam::123456789012:root" {
			t.Errorf("roles: %s, %s", *v.RoleArn, *v.CreatedBy)
		}
		if v.SchedulingStrategy != types.SchedulingStrategyReplica || v.PropagateTags != types.PropagateTagsNone || *v.ServiceArn != "arn:aws:ecs:us-east-1:123456789012:service/c/s" {
			t.Errorf("%+v", v)
		}
		if v.Tags != nil {
			t.Error("tags that nobody asked for")
		}
		out, err := s.DescribeServices(bg, &ecs.DescribeServicesInput{Cluster: inC, Services: []string{*v.ServiceArn, "x"}, Include: []types.ServiceField{types.ServiceFieldTags}})
		if must(t, out, err); len(out.Services[0].Tags) != 1 || *out.Failures[0].Reason != "MISSING" || *out.Failures[0].Arn != "arn:aws:ecs:us-east-1:123456789012:service/c/x" {
			t.Errorf("%+v", out)
		}
		_, err = s.DescribeServices(bg, &ecs.DescribeServicesInput{Cluster: inC, Services: strings.Split(strings.Repeat("x ", 10), " ")})
		wantError(t, err, "InvalidParameterException", "Services cannot have more than 10 elements.")
		_, err = s.DescribeServices(bg, &ecs.DescribeServicesInput{Cluster: inC})
		wantError(t, err, "InvalidParameterException", "Services cannot be empty.")
		_, err = s.DescribeServices(bg, &ecs.DescribeServicesInput{Services: []string{*v.ServiceArn}})
		wantError(t, err, "ClusterNotFoundException", "Cluster not found.")
		other := must2(s.CreateCluster(bg, &ecs.CreateClusterInput{}))
		_, err = s.DescribeServices(bg, &ecs.DescribeServicesInput{Cluster: other.Cluster.ClusterArn, Services: []string{*v.ServiceArn}})
		wantError(t, err, "InvalidParameterException", "Invalid identifier: Identifier is for cluster c. Your cluster is default")
	})
}

func TestCreateServiceIsIdempotent(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(cd, func(in *ecs.CreateServiceInput) { in.ClientToken = aws.String("one") })
		first := *s.service().CreatedAt
		time.Sleep(time.Minute)
		s.create(cd) // the same request
		s.create(cd, func(in *ecs.CreateServiceInput) { in.ClientToken, in.DesiredCount = aws.String("one"), aws.Int32(9) })
		if v := s.service(); !v.CreatedAt.Equal(first) || v.DesiredCount != 2 || len(v.TaskSets) != 1 {
			t.Errorf("made again: %+v", v)
		}
		in := serviceInput(cd)
		in.DesiredCount = aws.Int32(9)
		_, err := s.CreateService(bg, in)
		wantError(t, err, "InvalidParameterException", "Creation of service was not idempotent.")
	})
}

func TestDeleteService(t *testing.T) {
	for _, controller := range []types.DeploymentControllerType{cd, rolling} {
		play(t, func(t *testing.T, s *stage) {
			s.create(controller)
			time.Sleep(time.Minute)
			in := &ecs.DeleteServiceInput{Cluster: inC, Service: nameS}
			_, err := s.DeleteService(bg, in)
			wantError(t, err, "InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
			in.Force = aws.Bool(true)
			out, err := s.DeleteService(bg, in)
			if v := must(t, out, err).Service; *v.Status != draining || v.DesiredCount != 0 {
				t.Errorf("%s, %d desired", *v.Status, v.DesiredCount)
			}
			_, err = s.CreateService(bg, serviceInput(controller))
			wantError(t, err, "InvalidParameterException", "Unable to Start a service that is still Draining.")
			_, err = s.UpdateService(bg, &ecs.UpdateServiceInput{Cluster: inC, Service: nameS, DesiredCount: aws.Int32(1)})
			wantError(t, err, "ServiceNotActiveException", "Service was not ACTIVE.")
			began := time.Now()
			must(t, 0, ecs.NewServicesInactiveWaiter(s.Service).Wait(bg, &ecs.DescribeServicesInput{Cluster: inC, Services: []string{"s"}}, 10*time.Minute))
			if d := time.Since(began); d < drainIn {
				t.Errorf("it was INACTIVE after %v, while connections drained", d)
			}
			if s.groups.in("tg/blue") != "" || len(s.tasks("")) != 0 {
				t.Error("tasks or targets are left")
			}
			_, err = s.DeleteService(bg, in)
			wantError(t, err, "ServiceNotFoundException", "Service not found.")
			if n := len(must2(s.ListServices(bg, &ecs.ListServicesInput{Cluster: inC})).ServiceArns); n != 0 {
				t.Errorf("%d services are listed", n)
			}
			s.create(controller) // the name is free again
			older := func(e types.ServiceEvent) bool { return e.CreatedAt.Before(*s.service().CreatedAt) }
			if v := s.service(); *v.Status != active || slices.ContainsFunc(v.Events, older) {
				t.Errorf("a namesake inherited %+v", v)
			}
			time.Sleep(time.Minute)
			if v := s.service(); v.RunningCount != 2 {
				t.Errorf("the namesake has %d tasks", v.RunningCount)
			}
		})
	}
}

// An INACTIVE service can be looked at for a while, and is gone then with all its tasks.
func TestWhatHasEndedIsForgotten(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(cd)
		time.Sleep(time.Minute)
		arn := *s.tasks("")[0].TaskArn
		out, err := s.DeleteService(bg, &ecs.DeleteServiceInput{Cluster: inC, Service: nameS, Force: aws.Bool(true)})
		must(t, out, err)
		time.Sleep(50 * time.Minute)
		if v := s.service(); *v.Status != inactive {
			t.Errorf("it is %s", *v.Status)
		}
		time.Sleep(30 * time.Minute)
		gone := must2(s.DescribeServices(bg, &ecs.DescribeServicesInput{Cluster: inC, Services: []string{"s"}}))
		tasks := must2(s.DescribeTasks(bg, &ecs.DescribeTasksInput{Cluster: inC, Tasks: []string{arn}}))
		if len(gone.Failures) != 1 || len(tasks.Failures) != 1 {
			t.Errorf("still there: %+v, %+v", gone.Services, tasks.Tasks)
		}
		s.engine.mu.Lock()
		defer s.engine.mu.Unlock()
		if len(s.engine.keepers) != 0 || len(s.engine.live) != 0 {
			t.Errorf("%d keepers, %d live tasks", len(s.engine.keepers), len(s.engine.live))
		}
	})
}

func TestTheDefaultClusterIsMadeAtItsFirstUse(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		in := serviceInput(cd)
		in.Cluster = nil
		out, err := s.CreateService(bg, in)
		if got := *must(t, out, err).Service.ClusterArn; got != "arn:aws:ecs:us-east-1:123456789012:cluster/default" {
			t.Errorf("made in %s", got)
		}
	})
}

// A daemon has no container instance to run on.
func TestDaemons(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(rolling, func(in *ecs.CreateServiceInput) {
			in.SchedulingStrategy, in.DesiredCount, in.LaunchType, in.LoadBalancers = types.SchedulingStrategyDaemon, nil, types.LaunchTypeEc2, nil
		})
		s.stable()
		if v := s.service(); v.RunningCount != 0 || *v.DeploymentConfiguration.MinimumHealthyPercent != 0 || *v.DeploymentConfiguration.MaximumPercent != 100 {
			t.Errorf("%+v", v)
		}
	})
}
