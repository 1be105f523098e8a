package scaffold

import "github.com/turnoutdev/turnout/internal/survey"

// FromSurvey makes a project of a running service. dir is where its files will stand.
func FromSurvey(dir string, s *survey.Survey) *Project {
	p := New(dir)
	p.Config, p.TaskDef = s.Config, s.TaskDefinition
	p.Account, p.Container, p.Port, p.Certificate = s.Account, s.Container, s.Port, s.Certificate
	in := s.Config.Infrastructure
	p.Network = Network{VPC: in.VPC, Public: s.LoadBalancer, Private: in.Subnets, PublicIP: s.PublicIP}
	return p
}
