package agent

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// MetadataHandler answers the task metadata endpoint, versions 3 and 4, for all tasks of
// the agent: the path that each container finds in ECS_CONTAINER_METADATA_URI_V4 names
// it. Below that path it serves "" (the container), "/task", "/stats" and "/task/stats";
// statistics tell only which container was read and when.
func (a *Agent) MetadataHandler() http.Handler {
	mux := http.NewServeMux()
	for _, v := range []string{"/v3/{id}", "/v4/{id}"} {
		mux.HandleFunc("GET "+v, a.answer(containerMetadata))
		mux.HandleFunc("GET "+v+"/task", a.answer(taskMetadata))
		mux.HandleFunc("GET "+v+"/stats", a.answer(containerStats))
		mux.HandleFunc("GET "+v+"/task/stats", a.answer(taskStats))
	}
	return mux
}

// answer finds whom a request is about and writes what view makes of it.
func (a *Agent) answer(view func(t *task, s State, i int) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, number, _ := strings.Cut(r.PathValue("id"), "-")
		i, err := strconv.Atoi(number)
		t := a.task(id)
		var s *State
		if t != nil {
			s = t.seen.Load()
		}
		if s == nil || err != nil || i < 0 || i >= len(s.Containers) {
			http.Error(w, "V4 metadata handler: unable to get metadata for "+r.PathValue("id"), http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(view(t, *s, i)) // the client is gone if it fails
	}
}

type metadataTask struct {
	Cluster        string
	TaskARN        string
	Family         string
	Revision       string
	ServiceName    string `json:",omitempty"`
	DesiredStatus  string
	KnownStatus    string
	Limits         map[string]float64 `json:",omitempty"`
	PullStartedAt  *time.Time         `json:",omitempty"`
	PullStoppedAt  *time.Time         `json:",omitempty"`
	LaunchType     string
	Containers     []metadataContainer
	ExecutionEnded *time.Time `json:"ExecutionStoppedAt,omitempty"`
}

type metadataContainer struct {
	DockerID      string `json:"DockerId"`
	Name          string
	DockerName    string
	Image         string
	ImageID       string
	Labels        map[string]string
	DesiredStatus string
	KnownStatus   string
	ExitCode      *int32 `json:",omitempty"`
	Limits        map[string]float64
	StartedAt     *time.Time `json:",omitempty"`
	FinishedAt    *time.Time `json:",omitempty"`
	Type          string
	Health        *metadataHealth   `json:",omitempty"`
	Networks      []metadataNetwork `json:",omitempty"`
	Ports         []metadataPort    `json:",omitempty"`
}

type metadataHealth struct {
	Status types.HealthStatus `json:"status"`
}

type metadataNetwork struct {
	NetworkMode   string
	IPv4Addresses []string
}

type metadataPort struct {
	ContainerPort int32
	Protocol      string
}

func taskMetadata(t *task, s State, _ int) any {
	d := t.spec.Definition
	m := metadataTask{
		Cluster: t.spec.Cluster, TaskARN: t.spec.ARN, ServiceName: t.spec.Service,
		Family: aws.ToString(d.Family), Revision: strconv.Itoa(int(d.Revision)),
		DesiredStatus: desiredStatus(t), KnownStatus: s.Status,
		PullStartedAt: instant(s.PullStartedAt), PullStoppedAt: instant(s.PullStoppedAt),
		LaunchType: strings.TrimPrefix(launchType(d), "AWS_ECS_"), ExecutionEnded: instant(s.ExecutionEnded),
		Limits: map[string]float64{},
	}
	if cpu, err := strconv.ParseFloat(aws.ToString(d.Cpu), 64); err == nil {
		m.Limits["CPU"] = cpu / 1024
	}
	if memory := taskMemory(aws.ToString(d.Memory)); memory > 0 {
		m.Limits["Memory"] = float64(memory / mebibyte)
	}
	for i := range s.Containers {
		m.Containers = append(m.Containers, describeContainer(t, s, i))
	}
	return m
}

func containerMetadata(t *task, s State, i int) any { return describeContainer(t, s, i) }

func describeContainer(t *task, s State, i int) metadataContainer {
	c, def := s.Containers[i], t.spec.Definition.ContainerDefinitions[i]
	m := metadataContainer{
		DockerID: c.RuntimeID, Name: c.Name, DockerName: c.Name, Image: c.Image, ImageID: c.ImageDigest,
		Labels: t.labels(), DesiredStatus: desiredStatus(t), KnownStatus: c.Status, ExitCode: c.ExitCode,
		Limits:    map[string]float64{"CPU": float64(def.Cpu), "Memory": float64(t.memory(def) / mebibyte)},
		StartedAt: instant(c.StartedAt), FinishedAt: instant(c.StoppedAt), Type: "NORMAL",
	}
	m.Labels["com.amazonaws.ecs.container-name"] = c.Name
	if newHealthCheck(def.HealthCheck) != nil {
		m.Health = &metadataHealth{c.Health}
	}
	if s.Addr.IsValid() {
		m.Networks = []metadataNetwork{{"awsvpc", []string{s.Addr.String()}}}
	}
	for _, p := range def.PortMappings {
		m.Ports = append(m.Ports, metadataPort{aws.ToInt32(p.ContainerPort), string(protocol(p))})
	}
	return m
}

func protocol(p types.PortMapping) types.TransportProtocol {
	if p.Protocol == "" {
		return types.TransportProtocolTcp
	}
	return p.Protocol
}

type metadataStats struct {
	Read time.Time `json:"read"`
	Name string    `json:"name"`
	ID   string    `json:"id"`
}

func containerStats(_ *task, s State, i int) any {
	return metadataStats{time.Now(), s.Containers[i].Name, s.Containers[i].RuntimeID}
}

func taskStats(t *task, s State, _ int) any {
	all := map[string]any{}
	for i, c := range s.Containers {
		if c.RuntimeID != "" {
			all[c.RuntimeID] = containerStats(t, s, i)
		}
	}
	return all
}

func desiredStatus(t *task) string {
	if t.stopping.Err() != nil {
		return statusStopped
	}
	return statusRunning
}

// instant is nil for a time that has not come.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
