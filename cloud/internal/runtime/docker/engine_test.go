package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// settings puts a docker configuration folder in place and returns it.
func settings(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("DOCKER_CONTEXT", "")
	t.Setenv("DOCKER_HOST", "")
	t.Setenv("DOCKER_TLS_VERIFY", "")
	t.Setenv("DOCKER_CERT_PATH", "")
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// meta is where the docker command keeps a context.
func meta(name string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join("contexts", "meta", hex.EncodeToString(sum[:]), "meta.json")
}

func TestTheEngineIsTheOneOfTheDockerCommand(t *testing.T) {
	const home = `{"Name":"home","Endpoints":{"docker":{"Host":"unix:///home.sock"}}}`
	for _, c := range []struct {
		name       string
		files      map[string]string
		host, ctx  string
		want, fail string
	}{
		{name: "nothing said", want: "unix:///var/run/docker.sock"},
		{name: "environment", host: "tcp://127.0.0.1:2375", want: "tcp://127.0.0.1:2375"},
		{name: "current context", files: map[string]string{"config.json": `{"currentContext":"home"}`, meta("home"): home}, want: "unix:///home.sock"},
		{name: "context by environment", ctx: "home", files: map[string]string{meta("home"): home}, want: "unix:///home.sock"},
		{name: "default context", files: map[string]string{"config.json": `{"currentContext":"default"}`}, want: "unix:///var/run/docker.sock"},
		{name: "environment beats context", host: "unix:///env.sock", ctx: "gone", want: "unix:///env.sock"},
		{name: "unknown context", ctx: "gone", fail: `docker context "gone": open `},
		{name: "context without an engine", ctx: "k8s", files: map[string]string{meta("k8s"): `{"Endpoints":{}}`}, fail: `docker context "k8s": it has no docker endpoint`},
		{name: "broken configuration", files: map[string]string{"config.json": `{`}, fail: "docker configuration: "},
		{name: "ssh", ctx: "far", files: map[string]string{meta("far"): `{"Endpoints":{"docker":{"Host":"ssh://me@far"}}}`}, fail: "engines over ssh are not supported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			settings(t, c.files)
			t.Setenv("DOCKER_HOST", c.host)
			t.Setenv("DOCKER_CONTEXT", c.ctx)
			engine, err := connect()
			if c.fail != "" {
				if err == nil || !strings.Contains(err.Error(), c.fail) {
					t.Errorf("error %v, want …%s…", err, c.fail)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer engine.Close()
			if got := engine.DaemonHost(); got != c.want {
				t.Errorf("host %s, want %s", got, c.want)
			}
		})
	}
}

// pretend serves an engine that only tells about itself.
func pretend(t *testing.T, info map[string]any) {
	t.Helper()
	settings(t, nil)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/info") {
			_ = json.NewEncoder(w).Encode(info)
		}
	}))
	t.Cleanup(s.Close)
	t.Setenv("DOCKER_HOST", strings.Replace(s.URL, "http", "tcp", 1))
}

func TestAvailable(t *testing.T) {
	pretend(t, map[string]any{"OSType": "linux", "Architecture": "aarch64"})
	if err := Available(t.Context()); err != nil {
		t.Error(err)
	}
	d, err := New(t.Context(), Options{State: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close(t.Context())
	if d.info.arch != "arm64" || d.info.direct {
		t.Errorf("an engine over TCP: %+v", d.info)
	}
	pretend(t, map[string]any{"OSType": "windows"})
	if err := Available(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "runs windows containers, not linux") {
		t.Errorf("windows: %v", err)
	}
	t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
	if err := Available(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "docker engine at unix:///nowhere/docker.sock: ") {
		t.Errorf("no engine: %v", err)
	}
	if _, err := New(t.Context(), Options{}); err == nil {
		t.Error("New without an engine")
	}
}
