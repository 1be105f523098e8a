package balancer

import (
	"cmp"
	"crypto/tls"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// table is all that routing reads. It is never changed, only replaced whole.
type table struct {
	routes    map[*listener]*routes
	rotations map[string]*rotation // by target group
}

// routes are what one listener does.
type routes struct {
	config Listener
	rules  []rule
	tls    *tls.Config
	idle   time.Duration
	scheme string                    // in lower case
	port   string                    // on which the listener stands
	moved  map[netip.AddrPort]uint16 // declared addresses whose listener stands elsewhere

	http      HTTP
	hostPort  []byte // ":port" in Host; nil where it has none
	keepAlive time.Duration
	edits     *edits // nil for none
	gate      Gate   // one of the rules'; nil for none
}

// rotation is the part of a group that gets requests.
type rotation struct {
	group   *group
	config  *Group
	targets []*target
	slow    time.Duration // length of the slow start, 0 when no target is in it
	since   []time.Time   // when it began, per target; zero for those that began warm
}

const defaultIdle = 60 * time.Second

// publish makes requests follow the listeners and groups as they are now.
func (b *Balancer) publish() {
	was := b.table.Load()
	moved := map[netip.AddrPort]uint16{}
	for _, l := range b.listeners {
		if l.bound.IsValid() && l.bound != l.config.Addr {
			moved[l.config.Addr] = l.bound.Port()
		}
	}
	t := &table{
		routes:    make(map[*listener]*routes, len(b.listeners)),
		rotations: make(map[string]*rotation, len(b.groups)),
	}
	for _, l := range b.listeners {
		t.routes[l] = newRoutes(l, was.routes[l], moved)
	}
	for id, g := range b.groups {
		t.rotations[id] = g.rotation(b.opts.Scale)
	}
	b.table.Store(t)
}

// newRoutes compiles a listener's rules. Those that are as before are kept, and with them
// how far each has come in dealing out its weights.
func newRoutes(l *listener, was *routes, moved map[netip.AddrPort]uint16) *routes {
	r := &routes{
		config: l.config,
		tls:    l.config.TLS,
		idle:   l.config.IdleTimeout,
		scheme: strings.ToLower(l.config.Protocol),
		port:   strconv.Itoa(int(l.bound.Port())),
		moved:  moved,
	}
	if r.idle <= 0 {
		r.idle = defaultIdle
	}
	r.configure(was)
	for i, w := range l.config.Rules {
		if was != nil && i < len(was.config.Rules) && reflect.DeepEqual(was.config.Rules[i], w) {
			r.rules = append(r.rules, was.rules[i])
		} else {
			r.rules = append(r.rules, compileRule(w))
		}
		if w.Gate != nil {
			r.gate = w.Gate
		}
	}
	return r
}

const defaultKeepAlive = time.Hour

// configure works out the settings for HTTP. Edits that are as before are kept, and with
// them what connections remember of them.
func (r *routes) configure(was *routes) {
	if r.config.HTTP != nil {
		r.http = *r.config.HTTP
	}
	r.keepAlive = cmp.Or(r.http.KeepAlive, defaultKeepAlive)
	if r.port != "80" && r.port != "443" {
		r.hostPort = []byte(":" + r.port)
	}
	if was != nil && reflect.DeepEqual(was.config.HTTP, r.config.HTTP) {
		r.edits = was.edits
	} else {
		r.edits = compileEdits(&r.http)
	}
}

// rotation chooses the targets that get requests: the healthy ones or, when they are
// fewer than the group wants at least, all (fail open).
func (g *group) rotation(scale func(time.Duration) time.Duration) *rotation {
	config := g.config
	r := &rotation{group: g, config: &config}
	for _, t := range g.order {
		if t.record.State == healthy {
			r.targets = append(r.targets, t)
			r.since = append(r.since, t.warmSince)
			if !t.warmSince.IsZero() {
				r.slow = scale(config.SlowStart)
			}
		}
	}
	least := max(config.MinimumHealthy, 1, (len(g.order)*config.MinimumPercent+99)/100)
	if len(r.targets) < least {
		r.targets, r.slow = g.order, 0
	}
	return r
}
