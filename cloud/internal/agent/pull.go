package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// pullRetries and pullPause are how a pull that failed for another reason than a missing
// image is tried again.
const (
	pullRetries = 2
	pullPause   = 2 * time.Second
)

// pulled is the outcome of one pull.
type pulled struct {
	ref   string
	image runtime.Image
	err   error
}

// pull makes the images of all containers present, each once and all at the same time.
// It fails if an essential container's image cannot be had.
func (t *task) pull() error {
	t.known.PullStartedAt = time.Now()
	t.report()
	results := make(chan pulled)
	refs := map[string]bool{}
	for _, c := range t.containers {
		if !refs[c.state.Image] {
			refs[c.state.Image] = true
			go func() { results <- t.pullImage(c.state.Image) }()
		}
	}
	for range refs {
		t.settle(<-results)
	}
	t.known.PullStoppedAt = time.Now()
	t.report()
	return context.Cause(t.stopping)
}

// settle hands a pull's outcome to the containers of that image. A pull that was broken
// off because the task shall stop says nothing of its container.
func (t *task) settle(p pulled) {
	for _, c := range t.containers {
		switch {
		case c.state.Image != p.ref:
		case p.err == nil:
			c.image = p.image
			c.state.ImageDigest = p.image.Digest
		case !errors.Is(p.err, context.Canceled):
			t.failed(c, p.err)
		}
	}
}

// pullImage pulls one image as the task definition names it.
func (t *task) pullImage(image string) pulled {
	ref := runtime.Reference{Image: image, Platform: platform(t.spec.Definition.RuntimePlatform)}
	if t.spec.Image != nil {
		ref.Image = t.spec.Image(image)
	}
	if t.spec.Credentials != nil {
		var err error
		if ref.Username, ref.Password, err = t.spec.Credentials(t.stopping, ref.Image); err != nil {
			return pulled{ref: image, err: credentialsError(err)}
		}
	}
	for retries := 0; ; retries++ {
		got, err := t.agent.driver.Pull(t.stopping, ref)
		if err == nil {
			return pulled{image, got, mismatch(image, ref.Platform, got)}
		}
		if retries == pullRetries || final(err) || t.agent.clock.Sleep(t.stopping, pullPause) != nil {
			return pulled{ref: image, err: pullError(image, retries, err)}
		}
	}
}

// final tells whether a pull that failed would fail again.
func final(err error) bool {
	return errors.Is(err, runtime.ErrNoImage) || errors.Is(err, runtime.ErrDenied)
}

// mismatch returns an error if an image is not for the platform that was asked for.
func mismatch(image, platform string, got runtime.Image) error {
	if platform == "" || got.OS == "" || got.OS+"/"+got.Architecture == platform {
		return nil
	}
	return &reasonError{"CannotPullContainerError", fmt.Errorf("image Manifest does not contain descriptor matching platform '%s': %s is for %s/%s", platform, image, got.OS, got.Architecture)}
}

// platform is what a task definition's runtime platform asks for, "" for the machine's
// own.
func platform(p *types.RuntimePlatform) string {
	if p == nil {
		return ""
	}
	switch p.CpuArchitecture {
	case types.CPUArchitectureX8664:
		return "linux/amd64"
	case types.CPUArchitectureArm64:
		return "linux/arm64"
	}
	return ""
}
