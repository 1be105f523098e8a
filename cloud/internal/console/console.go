package console

import (
	"crypto/subtle"
	"embed"
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/loopback"
)

// Path is where the console is served. No AWS service has paths like it.
const Path = "/_turnout/console/"

// Options are what a console shows.
type Options struct {
	Region, Account string
	Driver          string // what runs containers
	Scale           func(time.Duration) time.Duration
	Token           string // that changes must bear; random, of this start of the cloud

	Services    Services
	Tasks       Tasks
	Deployments Deployments
	Targets     Targets
	Settings    Settings
	Steering    Steering
	Routes      Routes
	Health      Health
	Images      Images
	Measures    Measures
	Lines       Lines
}

// Console serves the pages. It is an http.Handler for what is below Path.
type Console struct {
	Options
	mux *http.ServeMux
}

//go:embed assets
var assets embed.FS

// New makes a console. It starts nothing.
func New(o Options) *Console {
	c := &Console{Options: o, mux: http.NewServeMux()}
	c.mux.HandleFunc("GET "+Path, c.servePage)
	c.mux.HandleFunc("GET "+Path+"assets/{file}", c.serveAsset)
	for pattern, v := range map[string]view{
		"about.json": c.about, "overview.json": c.overview, "deployments.json": c.deployments, "deployments/{id}": c.deployment,
		"services/{cluster}/{service}": c.service, "balancers.json": c.balancers, "balancers/{name}": c.balancer,
		"repositories.json": c.repositories, "images.json": c.images, "alarms.json": c.alarms, "logs.json": c.logs,
	} {
		c.mux.Handle("GET "+Path+"api/"+pattern, v)
	}
	c.mux.HandleFunc("POST "+Path+"api/deployments/{id}/{action}", c.act)
	return c
}

// policy is what a page may load: the console's own files and answers, and nothing else. A
// script cannot even make markup out of text.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if why := c.stranger(r); why != "" {
		refuse(w, http.StatusForbidden, "Forbidden", why)
		return
	}
	c.mux.ServeHTTP(w, r)
}

// stranger says why a request is not answered, "" if it is. Another site's page may lead a
// browser here, which is what a link does, and nothing more.
func (c *Console) stranger(r *http.Request) string {
	if !loopback.Host(r.Host) {
		return "the console is for this machine, by its own name"
	}
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	link := r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && !strings.HasPrefix(r.URL.Path, Path+"api/")
	if site != "" && site != "same-origin" && site != "none" && !link {
		return "the console answers its own pages only"
	}
	if origin != "" && origin != "http://"+r.Host && origin != "https://"+r.Host {
		return "the console answers its own pages only"
	}
	if r.Method == http.MethodPost && subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Turnout-Token")), []byte(c.Token)) != 1 {
		return "the token is missing or of an earlier start; load the page again"
	}
	return ""
}

// servePage gives every page out: which one it is, its script reads off the address.
func (c *Console) servePage(w http.ResponseWriter, _ *http.Request) { send(w, "index.html") }

func (c *Console) serveAsset(w http.ResponseWriter, r *http.Request) { send(w, r.PathValue("file")) }

// mediaTypes are those of the assets, whatever this machine thinks of their extensions.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

func send(w http.ResponseWriter, file string) {
	b, err := assets.ReadFile(path.Join("assets", file))
	if err != nil {
		refuse(w, http.StatusNotFound, "NotFound", "the console has no such file")
		return
	}
	w.Header().Set("Content-Type", mediaTypes[path.Ext(file)])
	_, _ = w.Write(b) // a browser that is gone does not get it
}

// complaint is an error as the pages read it.
type complaint struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func complain(err error) complaint {
	var api smithy.APIError
	if errors.As(err, &api) {
		return complaint{api.ErrorCode(), api.ErrorMessage()}
	}
	return complaint{"InternalError", err.Error()}
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(complaint{code, message}) // a client that is gone does not get it
}
