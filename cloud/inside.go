package cloud

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/agent"
	"github.com/turnoutdev/turnout/cloud/internal/ecs"
	"github.com/turnoutdev/turnout/cloud/internal/elbv2"
	"github.com/turnoutdev/turnout/cloud/internal/iam"
	"github.com/turnoutdev/turnout/cloud/internal/seal"
	"github.com/turnoutdev/turnout/cloud/internal/sts"
)

const (
	ecsPrincipal    = "ecs-tasks.amazonaws.com"
	credentialsPath = "/v2/credentials/"
	ticketName      = "task credentials"
	keysFor         = 6 * time.Hour // as ECS gives them out
)

// inside is what tasks reach of the cloud: AWS's part of its API at the address that it has
// outside, and at ECS's own address the metadata of the task and the keys of its role.
type inside struct {
	at     netip.AddrPort
	api    *agent.ConnServer
	server *agent.ConnServer
	box    *seal.Box
	roles  *sts.Service
	keys   *iam.Service
}

// ticket says which keys a task may ask for; sealed, it is the path that only the task
// knows.
type ticket struct{ Role, Task string }

func newInside(at netip.AddrPort, api http.Handler, a *agent.Agent, box *seal.Box, roles *sts.Service, keys *iam.Service) *inside {
	in := &inside{at: at, api: agent.NewConnServer(api), box: box, roles: roles, keys: keys}
	mux := http.NewServeMux()
	mux.Handle("/", a.MetadataHandler())
	mux.HandleFunc("GET "+credentialsPath+"{ticket}", in.credentials)
	in.server = agent.NewConnServer(mux)
	return in
}

func (in *inside) close() error {
	return errors.Join(in.api.Close(), in.server.Close())
}

// endpoints are what one task reaches, and the variables that tell it.
func (in *inside) endpoints(taskARN, role string) ecs.Endpoints {
	e := ecs.Endpoints{
		Env:      []ecstypes.KeyValuePair{{Name: aws.String("AWS_ENDPOINT_URL"), Value: aws.String("http://" + in.at.String())}},
		Services: map[netip.AddrPort]func(net.Conn){agent.MetadataAddr: in.server.Handle, in.at: in.api.Handle},
	}
	if role != "" {
		b, _ := json.Marshal(ticket{role, taskARN[strings.LastIndexByte(taskARN, '/')+1:]}) // strings always encode
		path := credentialsPath + base64.RawURLEncoding.EncodeToString(in.box.Seal(ticketName, b))
		e.Env = append(e.Env, ecstypes.KeyValuePair{Name: aws.String("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"), Value: &path})
	}
	return e
}

// credentials gives a task the keys of its role, in the form that the SDKs read.
func (in *inside) credentials(w http.ResponseWriter, r *http.Request) {
	sealed, err := base64.RawURLEncoding.DecodeString(r.PathValue("ticket"))
	var t ticket
	if err == nil {
		var b []byte
		if b, err = in.box.Open(ticketName, sealed); err == nil {
			err = json.Unmarshal(b, &t)
		}
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidIdInRequest", "CredentialsV2Request: Credentials not found")
		return
	}
	caller, err := in.roles.AssumeFor(r.Context(), t.Role, ecsPrincipal, t.Task)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "InternalServerError", "the task role cannot be assumed: "+err.Error())
		return
	}
	k, err := in.keys.Issue(r.Context(), caller, keysFor)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "InternalServerError", err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{ // a task that is gone does not read it
		"RoleArn": t.Role, "AccessKeyId": *k.AccessKeyId, "SecretAccessKey": *k.SecretAccessKey, "Token": *k.SessionToken,
		"Expiration": k.Expiration.UTC().Format(time.RFC3339),
	})
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"code": code, "message": message, "HTTPErrorCode": status}) // as above
}

// containedKey marks the calls of tasks and functions.
type containedKey struct{}

func contained(ctx context.Context) bool { return ctx.Value(containedKey{}) != nil }

func contain(ctx context.Context) context.Context {
	return context.WithValue(ctx, containedKey{}, true)
}

// serveContained serves the API to tasks and functions.
func (c *Cloud) serveContained(w http.ResponseWriter, r *http.Request) {
	c.ServeHTTP(w, r.WithContext(contain(r.Context())))
}

// ofMachine tells whether a path is for this machine's users and programs only. What is run
// here does not get to the controls, which ask for no signature, nor to the console; what
// load balancers hand out is for programs on AWS, too.
func ofMachine(p string) bool {
	p = path.Clean("/" + p)
	return strings.HasPrefix(p+"/", ownPath) && !strings.HasPrefix(p, elbv2.Files)
}

// dialTarget reaches the targets of load balancers. The cloud itself is none: through it,
// tasks and functions would get to what is closed to them.
func (c *Cloud) dialTarget(a *agent.Agent) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == c.listener.Addr().String() || (c.secure != nil && addr == c.secure.Addr().String()) {
			return nil, fmt.Errorf("dial %s: the local cloud is no target of its load balancers", addr)
		}
		return a.Dial(ctx, network, addr)
	}
}

// containedConn is a tunnel that a task or a function has opened.
type containedConn struct{ net.Conn }

// markContained is for http.Server.ConnContext: what comes through such a tunnel is
// contained as well.
func markContained(ctx context.Context, conn net.Conn) context.Context {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if _, ok := conn.(containedConn); ok {
		return contain(ctx)
	}
	return ctx
}
