// Package pack is the stage that writes the bundle: what the job that deploys needs of
// the job that builds.
package pack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/turnoutdev/turnout/internal/appspec"
	"github.com/turnoutdev/turnout/internal/bundle"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
)

// Stage writes the bundle.
type Stage struct{}

func (Stage) String() string { return "bundle" }

// Skip tells that no bundle is wanted.
func (Stage) Skip(r *run.Run) string {
	if r.Options.Bundle == "" {
		return "no --bundle"
	}
	return ""
}

// Check reads the key, before anything is built for nothing.
func (s Stage) Check(_ context.Context, r *run.Run) error {
	if s.Skip(r) != "" {
		return nil
	}
	if _, err := os.Stat(filepath.Dir(r.Options.Bundle)); err != nil {
		return fault.New(fault.Usage, "make the folder first", "--bundle: %w", err)
	}
	if r.Options.SignKey != "" {
		if _, err := bundle.SigningKey(r.Options.SignKey); err != nil {
			return fault.New(fault.Usage, "", "--sign-key: %w", err)
		}
	}
	return nil
}

// Run writes it.
func (Stage) Run(_ context.Context, r *run.Run) (string, error) {
	files := map[string][]byte{bundle.TaskDefinition: r.Facts.Rendered}
	var err error
	if files[bundle.Config], err = os.ReadFile(r.Config.File); err != nil {
		return "", err
	}
	m := bundle.Manifest{
		Service: r.Config.Service, Cluster: r.Config.Cluster, Container: r.Config.Container,
		Image: r.Facts.Image, Digest: r.Facts.Digest, Commit: r.Facts.Commit, Tag: r.Facts.Tag,
		Provenance: bundle.Here(r.Tool, r.Facts.Builder),
	}
	path := r.Config.Path(r.Config.AppSpec)
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a rolling deployment has none
		return "", err
	}
	if err == nil {
		spec, err := appspec.Parse(path, b)
		if err != nil {
			return "", err
		}
		if m.Container == "" {
			m.Container = spec.Container()
		}
		name := bundle.AppSpecYAML
		if strings.HasSuffix(path, ".json") {
			name = bundle.AppSpecJSON
		}
		files[name] = b
	}
	out, signed := r.Options.Bundle, ""
	var write error
	if r.Options.SignKey == "" {
		write = bundle.Write(out, m, files, nil)
	} else {
		key, err := bundle.SigningKey(r.Options.SignKey)
		if err != nil {
			return "", err
		}
		write, signed = bundle.Write(out, m, files, key), ", signed"
	}
	return fmt.Sprintf("%s, %d files%s", out, len(files), signed), write
}
