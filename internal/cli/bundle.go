package cli

import (
	"context"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/turnoutdev/turnout/internal/bundle"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
)

// deployBundle deploys what another job has built. Its files stand in a folder of the
// run's own, so that the run can be resumed.
func (o *pipelineOptions) deployBundle(ctx context.Context) error {
	m, files, err := o.readBundle()
	if err != nil {
		return err
	}
	state, err := run.Folder()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(state, 0o700); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(state, "bundle-")
	if err != nil {
		return err
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return err
		}
	}
	c, err := unpacked(dir, m)
	if err != nil {
		return err
	}
	r, err := o.beginWith(ctx, c, o.Options)
	if err != nil {
		return err
	}
	r.Start.Verb, r.Start.Bundle = o.verb, m
	r.Facts.Image, r.Facts.Digest, r.Facts.Commit, r.Facts.Tag = m.Image, m.Digest, m.Commit, m.Tag
	if err := sameImage(ctx, r); err != nil {
		return errors.Join(err, r.Journal.Close(), os.RemoveAll(dir))
	}
	o.Talk("%s of %s, built by %s", m.Image, first(m.Commit, "no commit"), m.Provenance.Tool)
	if err := o.execute(ctx, r); err != nil {
		return err // the files stay for `turnout resume`
	}
	return os.RemoveAll(dir)
}

func (o *pipelineOptions) readBundle() (*bundle.Manifest, map[string][]byte, error) {
	var key ed25519.PublicKey
	if o.key != "" {
		var err error
		if key, err = bundle.VerifyKey(o.key); err != nil {
			return nil, nil, fault.New(fault.Usage, "", "--verify-key: %w", err)
		}
	}
	m, files, err := bundle.Read(o.bundle, key)
	if err != nil {
		return nil, nil, fault.New(fault.Usage, "`turnout build --bundle FILE` writes one; nothing was changed", "%w", err)
	}
	if m.Signed && key == nil {
		o.Warn("%s is signed, and by whom was not checked: --verify-key FILE does", o.bundle)
	}
	return m, files, nil
}

// unpacked is the configuration of a bundle's files in dir. Gates run where we are.
func unpacked(dir string, m *bundle.Manifest) (*config.Config, error) {
	c, err := config.Load(filepath.Join(dir, bundle.Config))
	if err != nil {
		return nil, err
	}
	c.Container = m.Container
	c.TaskDef = filepath.Join(dir, bundle.TaskDefinition)
	c.AppSpec = filepath.Join(dir, bundle.AppSpecJSON)
	if m.Files[bundle.AppSpecYAML] != "" {
		c.AppSpec = filepath.Join(dir, bundle.AppSpecYAML)
	}
	c.Dir, err = os.Getwd()
	return c, err
}

// sameImage makes sure that the tag still names the image that was built.
func sameImage(ctx context.Context, r *run.Run) error {
	out, err := r.AWS.ECR().DescribeImages(ctx, &ecr.DescribeImagesInput{
		RepositoryName: &r.Config.Image.Repository, ImageIds: []ecrtypes.ImageIdentifier{{ImageTag: &r.Facts.Tag}},
	})
	var gone *ecrtypes.ImageNotFoundException
	switch {
	case errors.As(err, &gone):
		return fault.New(fault.Usage, "build and push it again", "%s is not in the registry (any more): %w", r.Facts.Image, err)
	case err != nil:
		return err
	}
	if d := aws.ToString(out.ImageDetails[0].ImageDigest); d != r.Facts.Digest {
		return fault.New(fault.Usage, "make the repository's tags immutable, and build again", "%s is %s now, and %s was built", r.Facts.Image, d, r.Facts.Digest)
	}
	return nil
}
