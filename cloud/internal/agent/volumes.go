package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// volumeMode is that of a volume's folder: containers run as any user.
var volumeMode fs.FileMode = 0o755

// mounts are a container's mount points and those of the containers it takes volumes
// from; path holds the containers that asked, outermost first.
func (t *task) mounts(d types.ContainerDefinition, path []string) ([]runtime.Mount, error) {
	var ms []runtime.Mount
	for _, p := range d.MountPoints {
		folder, err := t.volume(aws.ToString(p.SourceVolume))
		if err != nil {
			return nil, err
		}
		ms = append(ms, runtime.Mount{Source: folder, Target: aws.ToString(p.ContainerPath), ReadOnly: aws.ToBool(p.ReadOnly)})
	}
	for _, from := range d.VolumesFrom {
		theirs, err := t.mountsFrom(from, append(path, aws.ToString(d.Name)))
		if err != nil {
			return nil, err
		}
		ms = append(ms, theirs...)
	}
	return ms, nil
}

func (t *task) mountsFrom(from types.VolumeFrom, path []string) ([]runtime.Mount, error) {
	name := aws.ToString(from.SourceContainer)
	source := t.container(name)
	if source == nil || slices.Contains(path, name) {
		return nil, fmt.Errorf("volumes from container %q: no such container before this one", name)
	}
	ms, err := t.mounts(source.def, path)
	for i := range ms {
		ms[i].ReadOnly = ms[i].ReadOnly || aws.ToBool(from.ReadOnly)
	}
	return ms, err
}

// volume makes the host folder of a task's volume and returns its absolute path.
func (t *task) volume(name string) (string, error) {
	for _, v := range t.spec.Definition.Volumes {
		if aws.ToString(v.Name) != name {
			continue
		}
		folder, err := t.volumeFolder(v)
		if err != nil {
			return "", fmt.Errorf("volume %s: %w", name, err)
		}
		if err := os.MkdirAll(folder, volumeMode); err != nil {
			return "", fmt.Errorf("volume %s: %w", name, err)
		}
		return folder, nil
	}
	return "", fmt.Errorf("volume %q is not in the task definition", name)
}

func (t *task) volumeFolder(v types.Volume) (string, error) {
	switch {
	case v.Host != nil && aws.ToString(v.Host.SourcePath) != "":
		return filepath.Abs(*v.Host.SourcePath)
	case v.EfsVolumeConfiguration != nil:
		e := v.EfsVolumeConfiguration
		root := filepath.Clean("/" + aws.ToString(e.RootDirectory))
		return t.agent.shelf.shared("efs", aws.ToString(e.FileSystemId)+strings.TrimSuffix(root, "/"))
	case v.DockerVolumeConfiguration != nil && v.DockerVolumeConfiguration.Scope == types.ScopeShared:
		return t.agent.shelf.shared("docker", url.PathEscape(aws.ToString(v.Name)))
	case v.FsxWindowsFileServerVolumeConfiguration != nil:
		return "", errors.New("FSx for Windows volumes are not available on the local cloud")
	case v.S3filesVolumeConfiguration != nil:
		return "", errors.New("S3 Files volumes are not available on the local cloud")
	}
	return t.agent.shelf.scratch(t.spec.ID, aws.ToString(v.Name))
}
