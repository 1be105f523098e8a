package ecs

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// everything is what answers to changes of a cluster show.
var everything = []types.ClusterField{types.ClusterFieldSettings, types.ClusterFieldConfigurations, types.ClusterFieldTags}

func (s *Service) describeCluster(tx *store.Tx, c cluster, include []types.ClusterField) types.Cluster {
	out := types.Cluster{
		ClusterName: aws.String(c.Name), ClusterArn: aws.String(s.clusterARN(c.Name)), Status: aws.String(c.Status),
		CapacityProviders: append([]string{}, c.Providers...), Tags: shown(c.Tags, include),
		DefaultCapacityProviderStrategy: append([]types.CapacityProviderStrategyItem{}, c.Strategy...),
		Statistics:                      []types.KeyValuePair{}, Settings: []types.ClusterSetting{},
	}
	if out.Tags == nil {
		out.Tags = []types.Tag{}
	}
	if c.Namespace != "" {
		out.ServiceConnectDefaults = &types.ClusterServiceConnectDefaults{Namespace: aws.String(c.Namespace)}
	}
	if slices.Contains(include, types.ClusterFieldSettings) {
		out.Settings = s.clusterSettings(tx, c)
	}
	if slices.Contains(include, types.ClusterFieldConfigurations) {
		out.Configuration = c.Configuration
	}
	n := s.countCluster(tx, c.Name)
	out.ActiveServicesCount, out.RunningTasksCount, out.PendingTasksCount = n.services, n.running[0]+n.running[1], n.pending[0]+n.pending[1]
	if slices.Contains(include, types.ClusterFieldStatistics) {
		out.Statistics = n.statistics()
	}
	return out
}

// clusterSettings are a cluster's own, with the account's where it has none.
func (s *Service) clusterSettings(tx *store.Tx, c cluster) []types.ClusterSetting {
	if len(c.Settings) > 0 {
		return c.Settings
	}
	value := s.effective(tx, "", types.SettingNameContainerInsights)
	return []types.ClusterSetting{{Name: types.ClusterSettingNameContainerInsights, Value: &value}}
}

// census counts a cluster's tasks and services; index 1 is Fargate's.
type census struct {
	services                            int32
	running, pending, serviceOf, drains [2]int32
}

func (s *Service) countCluster(tx *store.Tx, name string) (n census) {
	for _, v := range s.t.services.All(tx, name+"/") {
		at := onFargate(v.Work.LaunchType)
		switch v.Status {
		case active:
			n.services++
			n.serviceOf[at]++
		case draining:
			n.drains[at]++
		}
	}
	for _, t := range s.t.tasks.All(tx, name+"/") {
		at := onFargate(t.LaunchType)
		switch {
		case t.running():
			n.running[at]++
		case t.alive():
			n.pending[at]++
		}
	}
	return n
}

func onFargate(l types.LaunchType) int {
	if l == types.LaunchTypeFargate {
		return 1
	}
	return 0
}

func (n census) statistics() []types.KeyValuePair {
	var out []types.KeyValuePair
	for _, kind := range []struct {
		name   string // with the place of the launch type
		counts [2]int32
	}{{"running%sTasksCount", n.running}, {"pending%sTasksCount", n.pending}, {"active%sServiceCount", n.serviceOf}, {"draining%sServiceCount", n.drains}} {
		for at, where := range []string{"EC2", "Fargate"} {
			out = append(out, types.KeyValuePair{
				Name: aws.String(fmt.Sprintf(kind.name, where)), Value: aws.String(strconv.Itoa(int(kind.counts[at]))),
			})
		}
	}
	return out
}
