package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	cwltypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// alarm is a CloudWatch alarm with its state.
type alarm struct {
	Name      string     `json:"name"`
	State     string     `json:"state"`
	Reason    string     `json:"reason"`
	Since     *time.Time `json:"since"`
	Condition string     `json:"condition"`
}

type alarmsView struct {
	Alarms []alarm `json:"alarms"`
}

func (c *Console) alarms(r *http.Request) (any, error) {
	all, err := c.allAlarms(r.Context())
	return alarmsView{all}, err
}

func (c *Console) allAlarms(ctx context.Context) ([]alarm, error) {
	all, err := pages(func(token *string) ([]alarm, *string, error) {
		out, err := c.Measures.DescribeAlarms(ctx, &cw.DescribeAlarmsInput{NextToken: token, AlarmTypes: cwtypes.AlarmType("").Values()})
		if err != nil {
			return nil, nil, err
		}
		part := []alarm{}
		for _, a := range out.CompositeAlarms {
			part = append(part, alarm{aws.ToString(a.AlarmName), string(a.StateValue), aws.ToString(a.StateReason), a.StateUpdatedTimestamp, aws.ToString(a.AlarmRule)})
		}
		for _, a := range out.MetricAlarms {
			part = append(part, alarm{aws.ToString(a.AlarmName), string(a.StateValue), aws.ToString(a.StateReason), a.StateUpdatedTimestamp, threshold(a)})
		}
		return part, out.NextToken, nil
	})
	return append([]alarm{}, all...), err
}

// threshold says in words when a metric alarm goes off.
func threshold(a cwtypes.MetricAlarm) string {
	what := aws.ToString(a.MetricName)
	if what == "" {
		what = "an expression"
	}
	n, period := aws.ToInt32(a.EvaluationPeriods), aws.ToInt32(a.Period)
	if period == 0 { // that of an expression's metrics
		return fmt.Sprintf("%s %s %g, %d times", what, a.ComparisonOperator, aws.ToFloat64(a.Threshold), n)
	}
	return fmt.Sprintf("%s %s %g, %d times in %d s", what, a.ComparisonOperator, aws.ToFloat64(a.Threshold), n, n*period)
}

// watched are the alarms that can stop a deployment: its own, else its group's.
func (c *Console) watched(ctx context.Context, info *types.DeploymentInfo) ([]alarm, error) {
	conf := info.OverrideAlarmConfiguration
	if conf == nil {
		out, err := c.Settings.GetDeploymentGroup(ctx, &codedeploy.GetDeploymentGroupInput{ApplicationName: info.ApplicationName, DeploymentGroupName: info.DeploymentGroupName})
		if err != nil {
			return []alarm{}, nil // the group is gone
		}
		conf = out.DeploymentGroupInfo.AlarmConfiguration
	}
	if conf == nil || !conf.Enabled {
		return []alarm{}, nil
	}
	all, err := c.allAlarms(ctx)
	return slices.DeleteFunc(all, func(a alarm) bool {
		return !slices.ContainsFunc(conf.Alarms, func(w types.Alarm) bool { return aws.ToString(w.Name) == a.Name })
	}), err
}

type repository struct {
	Name      string     `json:"name"`
	URI       string     `json:"uri"`
	Immutable bool       `json:"immutable"`
	Created   *time.Time `json:"created"`
	Images    int        `json:"images"`
	Newest    *time.Time `json:"newest"`
}

type repositoriesView struct {
	Repositories []repository `json:"repositories"`
}

func (c *Console) repositories(r *http.Request) (any, error) {
	all, err := pages(func(token *string) ([]ecrtypes.Repository, *string, error) {
		out, err := c.Images.DescribeRepositories(r.Context(), &ecr.DescribeRepositoriesInput{NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.Repositories, out.NextToken, nil
	})
	out := repositoriesView{[]repository{}}
	for _, x := range all {
		one := repository{Name: aws.ToString(x.RepositoryName), URI: aws.ToString(x.RepositoryUri), Immutable: x.ImageTagMutability == ecrtypes.ImageTagMutabilityImmutable, Created: x.CreatedAt}
		images, err := c.imagesOf(r.Context(), one.Name)
		if err != nil {
			return nil, err
		}
		if one.Images = len(images); one.Images > 0 {
			one.Newest = images[0].Pushed
		}
		out.Repositories = append(out.Repositories, one)
	}
	slices.SortFunc(out.Repositories, func(a, b repository) int { return cmp.Compare(a.Name, b.Name) })
	return out, err
}

type image struct {
	Digest string     `json:"digest"`
	Tags   []string   `json:"tags"`
	Size   int64      `json:"size"`
	Type   string     `json:"type"`
	Pushed *time.Time `json:"pushed"`
}

type imagesView struct {
	Repository string  `json:"repository"`
	Images     []image `json:"images"`
}

func (c *Console) images(r *http.Request) (any, error) {
	name := r.URL.Query().Get("repository")
	all, err := c.imagesOf(r.Context(), name)
	return imagesView{name, all}, err
}

// imagesOf are a repository's images, newest first.
func (c *Console) imagesOf(ctx context.Context, name string) ([]image, error) {
	all, err := pages(func(token *string) ([]ecrtypes.ImageDetail, *string, error) {
		out, err := c.Images.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: &name, NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.ImageDetails, out.NextToken, nil
	})
	out := []image{}
	for _, x := range all {
		tags := append([]string{}, x.ImageTags...)
		slices.Sort(tags)
		out = append(out, image{aws.ToString(x.ImageDigest), tags, aws.ToInt64(x.ImageSizeInBytes), aws.ToString(x.ImageManifestMediaType), x.ImagePushedAt})
	}
	slices.SortStableFunc(out, func(a, b image) int {
		return cmp.Or(aws.ToTime(b.Pushed).Compare(aws.ToTime(a.Pushed)), cmp.Compare(a.Digest, b.Digest))
	})
	return out, err
}

// logsView is log groups, or a group's streams, or a stream's last lines.
type logsView struct {
	Group   string   `json:"group"`
	Stream  string   `json:"stream"`
	Groups  []string `json:"groups"`
	Streams []stream `json:"streams"`
	Lines   []line   `json:"lines"`
}

type stream struct {
	Name string     `json:"name"`
	Last *time.Time `json:"last"`
}

const (
	manyLines = 500
)

func (c *Console) logs(r *http.Request) (any, error) {
	ctx, q := r.Context(), r.URL.Query()
	out := logsView{Group: q.Get("group"), Stream: q.Get("stream"), Groups: []string{}, Streams: []stream{}, Lines: []line{}}
	var err error
	switch {
	case out.Stream != "":
		out.Lines, err = c.lastLines(ctx, logs{out.Group, out.Stream}, manyLines)
	case out.Group != "":
		out.Streams, err = c.streams(ctx, out.Group)
	default:
		_, err = pages(func(token *string) ([]string, *string, error) {
			got, err := c.Lines.DescribeLogGroups(ctx, &cwl.DescribeLogGroupsInput{NextToken: token})
			if err != nil {
				return nil, nil, err
			}
			for _, g := range got.LogGroups {
				out.Groups = append(out.Groups, aws.ToString(g.LogGroupName))
			}
			return nil, got.NextToken, nil
		})
	}
	return out, err
}

// streams are a group's streams, those that were written to last first.
func (c *Console) streams(ctx context.Context, group string) ([]stream, error) {
	got, err := c.Lines.DescribeLogStreams(ctx, &cwl.DescribeLogStreamsInput{LogGroupName: &group, OrderBy: cwltypes.OrderByLastEventTime, Descending: aws.Bool(true), Limit: aws.Int32(50)})
	if err != nil {
		return nil, err
	}
	out := []stream{}
	for _, s := range got.LogStreams {
		one := stream{Name: aws.ToString(s.LogStreamName)}
		if s.LastEventTimestamp != nil {
			t := time.UnixMilli(*s.LastEventTimestamp).UTC()
			one.Last = &t
		}
		out = append(out, one)
	}
	return out, nil
}
