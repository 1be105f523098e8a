package balancer

import (
	"crypto/tls"
	"net/netip"
	"time"
)

// State is all that the balancer should be doing; Apply makes it so. Values are never
// changed after they were handed over.
type State struct {
	Listeners []Listener
	Groups    []Group
}

// Listener is one address on which requests are accepted.
type Listener struct {
	ID          string         // ARN
	Addr        netip.AddrPort // where to listen; if the port is taken or forbidden, see Bound
	Protocol    string         // HTTP, HTTPS, TCP
	TLS         *tls.Config    // HTTPS
	Rules       []Rule         // lowest priority number first; the last matches everything
	IdleTimeout time.Duration  // 0 for 60 s
	HTTP        *HTTP          // nil for the defaults
	Record      bool           // tell Options.OnRequest of requests
	RecordConns bool           // tell Options.OnConnection of connections
}

// HTTP says how an application load balancer's listener treats messages. The zero value
// is how AWS does by default.
type HTTP struct {
	PreserveHost      bool              // otherwise the port in Host is the listener's, or none at 80 and 443
	DropInvalidFields bool              // of requests, whose names are not of letters, digits and hyphens
	TellTLS           bool              // to targets: version and cipher suite
	ForwardedFor      string            // append (also ""), preserve, remove
	ClientPort        bool              // in X-Forwarded-For
	Desync            string            // defensive (also ""), monitor, strictest
	NoHTTP2           bool              // not even by prior knowledge
	KeepAlive         time.Duration     // how long clients' connections live; 0 for an hour
	Names             map[string]string // other names for fields that the load balancer adds to requests
	Mutual            string            // verify, passthrough: tell targets of clients' certificates
	HideServer        bool              // of the load balancer's own answers
	Response          []Header          // set in every response, in place of the target's
}

// Header is one field of a message.
type Header struct{ Name, Value string }

// Rule forwards what matches all of its conditions.
type Rule struct {
	ID          string
	Conditions  []Condition // all must match; none matches everything
	Action      Action
	Gate        Gate     // nil lets all requests pass
	RewriteHost *Rewrite // of what targets get
	RewriteURL  *Rewrite
}

// Rewrite replaces the first match of a regular expression (RE2) in a host, or in a path
// with its query. $1 stands for what the first group has captured.
type Rewrite struct{ Regex, Replace string }

// Condition matches one field of a request against any of its values.
type Condition struct {
	Field  string     // host-header path-pattern http-header http-request-method query-string source-ip
	Header string     // http-header: its name
	Values []string   // patterns with * and ?; CIDR blocks for source-ip
	Regex  []string   // regular expressions (RE2), for host-header path-pattern http-header
	Query  []KeyValue // query-string
}

// KeyValue is one query-string pattern; an empty Key matches any.
type KeyValue struct{ Key, Value string }

// Action is what a rule does; exactly one member is set.
type Action struct {
	Forward  *Forward
	Redirect *Redirect
	Fixed    *Fixed
}

// Forward chooses a target group by weight, per request.
type Forward struct {
	Groups     []Weighted
	Stickiness time.Duration // 0 for none; the AWSALBTG cookie's life
}

// Weighted is a target group's share. All zero: nothing is chosen and the answer is 503.
type Weighted struct {
	Group  string // ARN
	Weight int    // 0–999
}

// Redirect holds ELB's templates: "#{host}", "#{path}", "#{port}", "#{protocol}", "#{query}".
type Redirect struct {
	Status                            int // 301, 302
	Protocol, Host, Port, Path, Query string
}

// Fixed answers by itself.
type Fixed struct {
	Status            int
	ContentType, Body string
}

// Group is a target group.
type Group struct {
	ID                  string // ARN
	Name                string
	Protocol            string // HTTP, HTTPS, TCP
	ProtocolVersion     string // HTTP1, HTTP2, GRPC
	Targets             []Target
	Health              HealthCheck
	InUse               bool // referenced by a listener or rule: only then its targets are checked
	DeregistrationDelay time.Duration
	SlowStart           time.Duration
	Stickiness          Stickiness
	Algorithm           string // round_robin, least_outstanding_requests, weighted_random
	MitigateAnomalies   bool   // weighted_random: fewer requests for targets that fail more often than their peers
	MinimumHealthy      int    // fail open below this; default 1
	MinimumPercent      int    // or below this share of all targets
	MultiValue          bool   // functions are told all values of headers and parameters
}

// Stickiness binds a client to a target by cookie.
type Stickiness struct {
	Type     string // "", lb_cookie, app_cookie
	Cookie   string // app_cookie: the application's own cookie
	Duration time.Duration
}

// Target is one registered address, or a function. A function's address is not dialled but
// must be its own in the group.
type Target struct {
	Addr     netip.AddrPort
	Function string // ARN
}

// HealthCheck says how targets are probed. Interval is divided by the time scale,
// Timeout is not: what is probed is real.
type HealthCheck struct {
	Disabled           bool
	Protocol           string // HTTP, HTTPS, TCP
	Port               uint16 // 0 for the traffic port
	Path               string
	Interval, Timeout  time.Duration
	Healthy, Unhealthy int
	Matcher            string // "200", "200-299,301"; for GRPC "0-99"
}

// Health is what is known of one target, in ELB's own words.
type Health struct {
	Addr        netip.AddrPort
	Function    string
	Port        uint16 // the port that is probed
	State       string // initial healthy unhealthy unused draining unavailable
	Reason      string // Elb.InitialHealthChecking, Target.ResponseCodeMismatch, …
	Description string
	Anomalous   bool // it fails much more often than its peers
}

// Stats counts a target group's traffic since the group was made.
type Stats struct {
	Requests         uint64
	Codes            [6]uint64 // by hundreds: Codes[2] counts 2xx from targets
	ConnectionErrors uint64
	ResponseTime     time.Duration // sum over all requests
	InFlight         int64
}
