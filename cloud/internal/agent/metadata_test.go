package agent

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func TestMetadata(t *testing.T) {
	story(t, 1, func(s *stage) { s.programs = map[string]program{"app": stubborn} }, func(r *rig) {
		d := define(named("app", checked(types.HealthCheck{}), func(d *types.ContainerDefinition) {
			d.Cpu, d.PortMappings = 128, []types.PortMapping{{ContainerPort: aws.Int32(9000)}}
		}), named("log"))
		d.Cpu, d.Memory = aws.String("512"), aws.String("1024")
		task := r.start(d)
		base := "/v4/" + taskID

		c := get(t, r.agent, base+"-0")
		r.same("container", pick(c, "DockerId", "Name", "Image", "ImageID", "DesiredStatus", "KnownStatus", "Type"),
			[]any{"runtime-app", "app", "web:1", "sha256:web", "RUNNING", "RUNNING", "NORMAL"})
		r.same("more", pick(c, "Limits", "Networks", "Health", "Ports"), []any{
			map[string]any{"CPU": 128.0, "Memory": 1024.0},
			[]any{map[string]any{"NetworkMode": "awsvpc", "IPv4Addresses": []any{"10.9.0.1"}}},
			map[string]any{"status": "UNKNOWN"},
			[]any{map[string]any{"ContainerPort": 9000.0, "Protocol": "tcp"}},
		})
		all := get(t, r.agent, base+"-1/task")
		r.same("task", pick(all, "Cluster", "TaskARN", "Family", "Revision", "ServiceName", "KnownStatus", "LaunchType", "Limits"),
			[]any{"shop", taskARN, "hello", "3", "web", "RUNNING", "EC2", map[string]any{"CPU": 0.5, "Memory": 1024.0}})
		r.same("containers", len(all["Containers"].([]any)), 2)
		r.same("stats", pick(get(t, r.agent, "/v3/"+taskID+"-1/stats"), "id", "name"), []any{"runtime-log", "log"})
		r.same("all stats", len(get(t, r.agent, base+"-1/task/stats")), 2)

		task.Stop(types.TaskStopCodeUserInitiated, "")
		r.same("once it shall stop", pick(get(t, r.agent, base+"-0"), "DesiredStatus"), []any{"STOPPED"})
		<-task.Done()
		synctest.Wait() // the agent forgets it a moment later
		for _, unknown := range []string{base + "-0", base + "-2", base, "/v4/x-0"} {
			if code := ask(r.agent, unknown).Code; code != http.StatusNotFound {
				t.Errorf("%s: %d", unknown, code)
			}
		}
	})
}

func ask(a *Agent, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.MetadataHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func get(t *testing.T, a *Agent, path string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(ask(a, path).Body.Bytes(), &m); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return m
}

func pick(m map[string]any, keys ...string) (got []any) {
	for _, k := range keys {
		got = append(got, m[k])
	}
	return got
}

func TestConnServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewConnServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) }))
		near, far := net.Pipe()
		go s.Handle(far)
		fmt.Fprint(near, "GET /hi HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(near), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != "/hi" {
			t.Errorf("body = %q, %v", body, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		near, far = net.Pipe()
		s.Handle(far)
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("a late connection: %v", err)
		}
	})
}

func TestDial(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	story(t, 1, nil, func(r *rig) {
		task := r.start(define(named("app")))
		addr := r.now().Addr.String()
		c, err := r.agent.Dial(r.Context(), "tcp", addr+":9000")
		if err != nil {
			t.Fatal(err)
		}
		said, _ := io.ReadAll(c)
		r.same("through the sandbox", string(said), "port 9000")
		if _, err := r.agent.Dial(r.Context(), "tcp", addr+":http"); err == nil {
			t.Error("dialled a named port")
		}
		task.Stop(types.TaskStopCodeUserInitiated, "")
		<-task.Done()
		r.same("released", r.agent.sandboxAt(addr), nil)
	})
	a := New(Options{Dir: t.TempDir()})
	c, err := a.Dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := a.Dial(t.Context(), "tcp", "nowhere"); err == nil {
		t.Error("dialled an address without a port")
	}
}

func TestParseSignal(t *testing.T) {
	for in, want := range map[string]syscall.Signal{
		"": 15, "SIGTERM": 15, "SIGQUIT": 3, "quit": 3, "3": 3, " 10 ": 10, "SIGRTMIN+3": 37, "RTMAX-1": 63,
		"nonsense": 15, "0": 15, "65": 15, "SIGTERM+x": 15, "RTMAX+5": 15,
	} {
		if got := parseSignal(in); got != want {
			t.Errorf("parseSignal(%q) = %d, want %d", in, got, want)
		}
	}
}
