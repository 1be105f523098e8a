package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

func of(image string) func(*types.ContainerDefinition) {
	return func(d *types.ContainerDefinition) { d.Image = aws.String(image) }
}

func TestImagesArePulledOnceAndTogether(t *testing.T) {
	story(t, 1, func(s *stage) { s.pullTime = time.Second }, func(r *rig) {
		r.start(define(named("a"), named("b"), named("c", of("other/web:1"))))
		r.pass(time.Minute)
		pulls := r.stage.noted("pull")
		slices.Sort(pulls)
		r.same("pulls", pulls, []string{"0s pull other/web:1", "0s pull web:1"})
		r.same("time", r.now().PullStoppedAt.Sub(r.now().PullStartedAt), time.Second)
		r.same("image of b", r.stage.specs["b"].Image, "id-of-web")
	})
}

func TestReferencesAreRewrittenAndCredentialsAskedFor(t *testing.T) {
	story(t, 1, nil, func(r *rig) {
		d := define(named("a", of("123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:1")))
		d.RuntimePlatform = &types.RuntimePlatform{CpuArchitecture: types.CPUArchitectureX8664}
		r.start(d, func(s *Spec) {
			s.Image = func(ref string) string {
				return strings.Replace(ref, "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "127.0.0.1:4566", 1)
			}
			s.Credentials = func(_ context.Context, image string) (string, string, error) {
				return "user-of-" + image, "secret", nil
			}
		})
		r.same("pulls", r.stage.noted("pull"), []string{"0s pull 127.0.0.1:4566/web:1 user-of-127.0.0.1:4566/web:1 linux/amd64"})
		r.same("image shown", r.now().Containers[0].Image, "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:1")
	})
}

func TestPullFailures(t *testing.T) {
	broken := errors.New("connection reset")
	for _, c := range []struct {
		name    string
		image   string
		prepare func(*stage)
		change  func(*Spec)
		want    string
		pulls   int
	}{
		{
			name: "no such image", image: "shop:9", pulls: 1,
			want: "CannotPullContainerError: failed to resolve ref shop:9: manifest of shop:9: image not found",
		},
		{
			name: "network", image: "web:1", pulls: 3,
			prepare: func(s *stage) { s.pullErr = map[string][]error{"web:1": {broken, broken, broken}} },
			want:    "CannotPullContainerError: image pull of web:1 has been retried 2 time(s): connection reset",
		},
		{
			name: "refused", image: "web:1", pulls: 1,
			prepare: func(s *stage) {
				s.pullErr = map[string][]error{"web:1": {fmt.Errorf("%w: DENIED: no", runtime.ErrDenied)}}
			},
			want: "CannotPullContainerError: pull image manifest has been retried 0 time(s): failed to resolve ref web:1: the registry refuses: DENIED: no",
		},
		{
			name: "login", image: "web:1",
			change: func(s *Spec) {
				s.Credentials = func(context.Context, string) (string, string, error) {
					return "", "", errors.New("AccessDeniedException")
				}
			},
			want: "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried 1 time(s): AccessDeniedException",
		},
		{
			name: "other architecture", image: "arm", pulls: 1,
			prepare: func(s *stage) {
				s.images = map[string]runtime.Image{"arm": {OS: "linux", Architecture: "arm64"}}
			},
			change: func(s *Spec) {
				s.Definition.RuntimePlatform = &types.RuntimePlatform{CpuArchitecture: types.CPUArchitectureX8664}
			},
			want: "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/amd64': arm is for linux/arm64",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, 1, c.prepare, func(r *rig) {
				changes := []func(*Spec){}
				if c.change != nil {
					changes = append(changes, c.change)
				}
				<-r.start(define(named("app", of(c.image))), changes...).Done()
				r.stopped(types.TaskStopCodeTaskFailedToStart, c.want)
				r.same("container's reason", r.now().Containers[0].Reason, c.want)
				r.same("pulls", len(r.stage.noted("pull")), c.pulls)
				r.same("runs", len(r.stage.noted("run")), 0)
			})
		})
	}
}

func TestAPullThatWorksAgain(t *testing.T) {
	story(t, 1, func(s *stage) {
		s.pullErr = map[string][]error{"web:1": {errors.New("connection reset")}}
	}, func(r *rig) {
		r.start(define(named("app")))
		r.pass(10 * time.Second)
		r.same("pulls", r.stage.noted("pull"), []string{"0s pull web:1", "2s pull web:1"})
		r.same("status", r.now().Status, "RUNNING")
	})
}

func TestAHelpersMissingImageIsItsOwnTrouble(t *testing.T) {
	story(t, 1, nil, func(r *rig) {
		r.start(define(named("app"), named("log", helper, of("gone:1"))))
		s := r.now()
		r.same("states", fmt.Sprint(s.Status, s.Containers[0].Status, s.Containers[1].Status), "RUNNINGRUNNINGSTOPPED")
		r.same("reason", s.Containers[1].Reason, "CannotPullContainerError: failed to resolve ref gone:1: manifest of gone:1: image not found")
	})
}
