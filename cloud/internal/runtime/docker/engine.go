package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"

	"github.com/moby/moby/client"
)

// connect makes a client of the engine that the docker command would use. It does not
// speak to it yet.
func connect() (*client.Client, error) {
	opts := []client.Opt{client.FromEnv, client.WithUserAgent("turnout")}
	if os.Getenv(client.EnvOverrideHost) == "" {
		host, more, err := contextHost()
		if err != nil {
			return nil, err
		}
		if host != "" {
			opts = append(opts, client.WithHost(host))
		}
		opts = append(opts, more...)
	}
	engine, err := client.New(opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to the Docker engine: %w", err)
	}
	if strings.HasPrefix(engine.DaemonHost(), "ssh://") {
		return nil, fmt.Errorf("connect to the Docker engine: %s: engines over ssh are not supported", engine.DaemonHost())
	}
	return engine, nil
}

// contextHost is the address in the current context of the docker command, "" for the
// default one.
func contextHost() (host string, opts []client.Opt, err error) {
	folder := configFolder()
	name, err := currentContext(folder)
	if err != nil || name == "" || name == "default" {
		return "", nil, err
	}
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	var meta struct {
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	if err := readJSON(filepath.Join(folder, "contexts", "meta", id, "meta.json"), &meta); err != nil {
		return "", nil, fmt.Errorf("docker context %q: %w", name, err)
	}
	endpoint := meta.Endpoints["docker"]
	if endpoint.Host == "" {
		return "", nil, fmt.Errorf("docker context %q: it has no docker endpoint", name)
	}
	certs := filepath.Join(folder, "contexts", "tls", id, "docker")
	if _, err := os.Stat(certs); err == nil {
		opts = append(opts, client.WithTLSClientConfig(filepath.Join(certs, "ca.pem"), filepath.Join(certs, "cert.pem"), filepath.Join(certs, "key.pem")))
	}
	return endpoint.Host, opts, nil
}

func configFolder() string {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".docker")
}

func currentContext(folder string) (string, error) {
	if name := os.Getenv("DOCKER_CONTEXT"); name != "" {
		return name, nil
	}
	var config struct{ CurrentContext string }
	err := readJSON(filepath.Join(folder, "config.json"), &config)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("docker configuration: %w", err)
	}
	return config.CurrentContext, nil
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// engineInfo is what this package must know of an engine.
type engineInfo struct {
	arch   string // GOARCH
	direct bool   // its bridge network can be reached from here
}

// inquire asks an engine what it is; it fails if that does not run Linux containers.
func inquire(ctx context.Context, engine *client.Client) (engineInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	got, err := engine.Info(ctx, client.InfoOptions{})
	if err != nil {
		return engineInfo{}, fmt.Errorf("docker engine at %s: %w", engine.DaemonHost(), err)
	}
	if got.Info.OSType != "linux" {
		return engineInfo{}, fmt.Errorf("docker engine at %s runs %s containers, not linux", engine.DaemonHost(), got.Info.OSType)
	}
	rootless := slices.ContainsFunc(got.Info.SecurityOptions, func(o string) bool { return strings.Contains(o, "name=rootless") })
	return engineInfo{
		arch: goarch(got.Info.Architecture),
		direct: goruntime.GOOS == "linux" && strings.HasPrefix(engine.DaemonHost(), "unix://") &&
			!rootless && !strings.Contains(got.Info.OperatingSystem, "Docker Desktop"),
	}, nil
}

// goarch turns an engine's machine name into Go's.
func goarch(machine string) string {
	switch machine {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	}
	return machine
}
