package logs

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/turnoutdev/turnout/cloud/internal/page"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/internal/regex"
)

var groupName = regex.New(`^[.\-_/#A-Za-z0-9]{1,512}$`)

// retentionDays are the periods that CloudWatch Logs takes.
var retentionDays = []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// groupOf finds the group of a name or an ARN.
func (s *Service) groupOf(tx *store.Tx, name, identifier *string) (group, error) {
	n := aws.ToString(name)
	if n == "" {
		n = nameOf(aws.ToString(identifier))
	}
	g, ok := s.groups.Get(tx, n)
	if !ok {
		return group{}, errNoGroup
	}
	return g, nil
}

// nameOf takes the group's name out of its ARN, with or without ":*".
func nameOf(id string) string {
	if _, rest, ok := strings.Cut(id, ":log-group:"); ok && strings.HasPrefix(id, "arn:") {
		return strings.TrimSuffix(rest, ":*")
	}
	return id
}

func (s *Service) groupARN(name string) string { return s.Place.Of("logs", "log-group:"+name) }

// CreateLogGroup makes an empty group.
func (s *Service) CreateLogGroup(_ context.Context, in *cwl.CreateLogGroupInput, _ ...func(*cwl.Options)) (*cwl.CreateLogGroupOutput, error) {
	name := aws.ToString(in.LogGroupName)
	if !groupName.MatchString(name) {
		return nil, invalid("1 validation error detected: Value '%s' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+", name)
	}
	return &cwl.CreateLogGroupOutput{}, s.Store.Update(func(tx *store.Tx) error {
		if _, ok := s.groups.Get(tx, name); ok {
			return errGroupExists
		}
		s.groups.Put(tx, name, group{Name: name, Created: s.Clock.Now(), Tags: in.Tags})
		return nil
	})
}

// DeleteLogGroup removes a group with its streams and their events.
func (s *Service) DeleteLogGroup(_ context.Context, in *cwl.DeleteLogGroupInput, _ ...func(*cwl.Options)) (*cwl.DeleteLogGroupOutput, error) {
	var gone []stream
	err := s.Store.Update(func(tx *store.Tx) error {
		g, err := s.groupOf(tx, in.LogGroupName, nil)
		if err != nil {
			return err
		}
		for key, st := range s.streams.All(tx, g.Name+"\x00") {
			gone = append(gone, st)
			s.streams.Delete(tx, key)
		}
		s.groups.Delete(tx, g.Name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &cwl.DeleteLogGroupOutput{}, s.removeFiles(gone)
}

// DescribeLogGroups lists groups by name.
func (s *Service) DescribeLogGroups(_ context.Context, in *cwl.DescribeLogGroupsInput, _ ...func(*cwl.Options)) (*cwl.DescribeLogGroupsOutput, error) {
	var all []group
	s.Store.View(func(tx *store.Tx) {
		for _, g := range s.groups.All(tx, aws.ToString(in.LogGroupNamePrefix)) {
			if strings.Contains(g.Name, aws.ToString(in.LogGroupNamePattern)) {
				all = append(all, g)
			}
		}
	})
	part, next, err := page.Cut(all, func(g group) string { return g.Name }, aws.ToString(in.NextToken), limit(in.Limit, 50))
	if err != nil {
		return nil, errToken
	}
	out := &cwl.DescribeLogGroupsOutput{NextToken: optional(next), LogGroups: []types.LogGroup{}}
	for _, g := range part {
		t := types.LogGroup{
			LogGroupName: &g.Name, CreationTime: aws.Int64(g.Created.UnixMilli()), MetricFilterCount: aws.Int32(0),
			Arn: aws.String(s.groupARN(g.Name) + ":*"), LogGroupArn: aws.String(s.groupARN(g.Name)),
			StoredBytes: aws.Int64(s.stored(g.Name)), LogGroupClass: types.LogGroupClassStandard,
		}
		if g.Retention > 0 {
			t.RetentionInDays = aws.Int32(g.Retention)
		}
		out.LogGroups = append(out.LogGroups, t)
	}
	return out, nil
}

// PutRetentionPolicy sets how many days events are kept.
func (s *Service) PutRetentionPolicy(_ context.Context, in *cwl.PutRetentionPolicyInput, _ ...func(*cwl.Options)) (*cwl.PutRetentionPolicyOutput, error) {
	days := aws.ToInt32(in.RetentionInDays)
	if !slices.Contains(retentionDays, days) {
		return nil, invalid("1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: %v", days, retentionDays)
	}
	return &cwl.PutRetentionPolicyOutput{}, s.change(in.LogGroupName, nil, func(g *group) { g.Retention = days })
}

// DeleteRetentionPolicy keeps events for ever.
func (s *Service) DeleteRetentionPolicy(_ context.Context, in *cwl.DeleteRetentionPolicyInput, _ ...func(*cwl.Options)) (*cwl.DeleteRetentionPolicyOutput, error) {
	return &cwl.DeleteRetentionPolicyOutput{}, s.change(in.LogGroupName, nil, func(g *group) { g.Retention = 0 })
}

// change puts a changed copy of a group.
func (s *Service) change(name, identifier *string, f func(*group)) error {
	return s.Store.Update(func(tx *store.Tx) error {
		g, err := s.groupOf(tx, name, identifier)
		if err != nil {
			return err
		}
		f(&g)
		s.groups.Put(tx, g.Name, g)
		return nil
	})
}

func merged(tags, more map[string]string) map[string]string {
	out := maps.Clone(tags)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, more)
	return out
}

func without(tags map[string]string, keys []string) map[string]string {
	out := maps.Clone(tags)
	for _, k := range keys {
		delete(out, k)
	}
	return out
}

func limit(n *int32, most int32) int {
	if n == nil || *n <= 0 || *n > most {
		return int(most)
	}
	return int(*n)
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// stored is the size of a group's events.
func (s *Service) stored(name string) int64 {
	var ids []string
	s.Store.View(func(tx *store.Tx) {
		for _, st := range s.streams.All(tx, name+"\x00") {
			ids = append(ids, st.ID)
		}
	})
	var sum int64
	for _, id := range ids {
		if fi, err := os.Stat(s.path(id)); err == nil {
			sum += fi.Size()
		}
	}
	return sum
}
