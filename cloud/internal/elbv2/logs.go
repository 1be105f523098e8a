package elbv2

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/balancer"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// Objects is where logs go: S3.
type Objects interface {
	Put(ctx context.Context, bucket, key string, content []byte) error
	Object(ctx context.Context, bucket, key, version string, limit int64) (content []byte, etag string, err error)
}

// logKind is one of the logs that a load balancer may write.
type logKind struct {
	attribute, testFile, says string
	begins                    string // the names of its files
}

var (
	accessLog     = logKind{"access_logs", "ELBAccessLogTestFile", "Enable AccessLog for ELB: %s at %s", ""}
	connectionLog = logKind{"connection_logs", "ELBConnectionLogTestFile", "Enable ConnectionLog for ELB: %s at %s", "conn_log."}
)

// logs are lines that were not delivered yet.
type logs struct {
	mu    sync.Mutex
	lines map[logPlace]*bytes.Buffer
}

// logPlace is which load balancer's log goes where.
type logPlace struct {
	lb             string
	kind           logKind
	bucket, prefix string
	host           string // the load balancer's address
}

// placeOf tells where a load balancer's log goes, if it is on.
func placeOf(lb loadBalancer, kind logKind) (p logPlace, on bool) {
	a := attributesOf(lb)
	return logPlace{
		lb: *lb.Desc.LoadBalancerArn, kind: kind, host: lb.Host.String(),
		bucket: a.get(kind.attribute + ".s3.bucket"), prefix: a.get(kind.attribute + ".s3.prefix"),
	}, a.get(kind.attribute+".s3.enabled") == "true"
}

// folder is where the files of a log and its test file stand.
func (p logPlace) folder(account string) string {
	return strings.TrimPrefix(strings.Trim(p.prefix, "/")+"/AWSLogs/"+account+"/", "/")
}

// tryLog writes the test file of a log that was turned on or goes elsewhere now.
func (s *Service) tryLog(was, now loadBalancer, kind logKind) error {
	p, on := placeOf(now, kind)
	old, wasOn := placeOf(was, kind)
	if !on || s.Objects == nil || wasOn && old == p {
		return nil
	}
	text := fmt.Sprintf(kind.says, *now.Desc.LoadBalancerName, s.Clock.Now().UTC().Format("2006-01-02T15:04:05.000Z"))
	if err := s.write(context.Background(), p, p.folder(s.Place.Account)+kind.testFile, []byte(text)); err != nil {
		return badConfiguration("Access Denied for bucket: %s. Please check S3bucket permission", p.bucket)
	}
	return nil
}

func (l *logs) add(p logPlace, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lines == nil {
		l.lines = map[logPlace]*bytes.Buffer{}
	}
	if l.lines[p] == nil {
		l.lines[p] = &bytes.Buffer{}
	}
	l.lines[p].WriteString(line)
}

// take returns all lines and begins anew.
func (l *logs) take() map[logPlace]*bytes.Buffer {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.lines
	l.lines = nil
	return out
}

// DeliverLogs writes logs to S3 every five minutes of the cloud's time until ctx ends, and
// then what is left.
func (s *Service) DeliverLogs(ctx context.Context) error {
	t := time.NewTicker(s.Clock.AtLeast(5*time.Minute, 200*time.Millisecond))
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			s.deliver(context.WithoutCancel(ctx))
			return nil
		case <-t.C:
			s.deliver(ctx)
		}
	}
}

// deliver writes one file per log. What cannot be written is lost, as on AWS.
func (s *Service) deliver(ctx context.Context) {
	if s.Objects == nil {
		return
	}
	for p, lines := range s.logs.take() {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		_, err := lines.WriteTo(w)
		if err = errors.Join(err, w.Close()); err == nil {
			err = s.write(ctx, p, s.logFile(p), z.Bytes())
		}
		if err != nil {
			s.Log.Warn("a load balancer's log could not be written", "bucket", p.bucket, "load balancer", p.lb, "error", err)
		}
	}
}

func (s *Service) logFile(p logPlace) string {
	now := s.Clock.Now().UTC()
	return p.folder(s.Place.Account) + "elasticloadbalancing/" + s.Place.Region + now.Format("/2006/01/02/") + p.kind.begins +
		strings.Join([]string{
			s.Place.Account, "elasticloadbalancing", s.Place.Region, strings.ReplaceAll(shortName(p.lb), "/", "."),
			now.Format("20060102T1504Z"), p.host, ids.Hex(8),
		}, "_") + ".log.gz"
}

// LogRequest takes in what the balancer tells of a request.
func (s *Service) LogRequest(e balancer.Entry) {
	var place logPlace
	on, certificate, priority := false, "", -1
	s.Store.View(func(tx *store.Tx) {
		l, ok := s.tables.listeners.Get(tx, e.Listener)
		if !ok {
			return
		}
		lb, _ := s.tables.loadBalancers.Get(tx, *l.Desc.LoadBalancerArn)
		place, on = placeOf(lb, accessLog)
		if all := certificatesOf(l); len(all) > 0 {
			certificate = all[0]
		}
		if e.Rule == l.DefaultRule {
			priority = 0
		} else if r, ok := s.tables.rules.Get(tx, e.Rule); ok {
			priority = int(r.Priority)
		}
	})
	if on {
		s.logs.add(place, accessLine(e, place, certificate, priority))
	}
}

// accessLine is one line of an access log, in AWS's format.
func accessLine(e balancer.Entry, p logPlace, certificate string, priority int) string {
	to, code := "-", "-"
	if e.Target.IsValid() && e.Function == "" {
		to = e.Target.String()
	}
	if e.TargetStatus != 0 {
		code = strconv.Itoa(e.TargetStatus)
	}
	transformed := "-"
	if e.NewHost != "" || e.NewPath != "" {
		transformed = "TransformSuccess"
	}
	return strings.Join([]string{
		kindOf(e), instant(e.Began.Add(elapsed(e))), shortName(p.lb), e.Client.String(), to,
		took(e.Waited), took(e.Answering), took(e.Answered), strconv.Itoa(e.Status), code,
		strconv.FormatInt(e.Received, 10), strconv.FormatInt(e.Sent, 10),
		quote(requestLine(e, p)), quote(e.UserAgent), dash(e.TLS.Cipher), dash(e.TLS.Version), dash(e.Group), quote(e.Trace),
		quote(e.TLS.ServerName), quote(certificate), strconv.Itoa(priority), instant(e.Began), quote(e.Action), quote(e.Location),
		quote(""), quote(to), quote(code), quote(e.Doubt), quote(e.DoubtReason), dash(e.Conn),
		quote(e.NewHost), quote(e.NewPath), quote(transformed),
	}, " ") + "\n"
}

func kindOf(e balancer.Entry) string {
	secure := e.TLS.Version != ""
	switch {
	case e.Upgraded && secure:
		return "wss"
	case e.Upgraded:
		return "ws"
	case secure && strings.HasPrefix(e.Protocol, "HTTP/2"):
		return "h2"
	case secure:
		return "https"
	}
	return "http"
}

// requestLine is the request's first line with its whole URL.
func requestLine(e balancer.Entry, p logPlace) string {
	host := e.Host
	if host == "" {
		host = p.host
	}
	path := e.Path
	if strings.HasPrefix(path, "http://") || strings.HasPrefix(path, "https://") {
		return e.Method + " " + path + " " + e.Protocol
	}
	return e.Method + " " + e.Scheme + "://" + host + ":" + e.Port + path + " " + e.Protocol
}

func elapsed(e balancer.Entry) time.Duration {
	return max(e.Waited, 0) + max(e.Answering, 0) + max(e.Answered, 0)
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func took(d time.Duration) string {
	if d < 0 {
		return "-1"
	}
	return strconv.FormatFloat(d.Seconds(), 'f', 3, 64)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// quote puts a value between quotes; what would end them early is escaped, as on AWS.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(dash(s)) {
		if c == '"' || c < ' ' || c >= 0x7f {
			fmt.Fprintf(&b, `\x%02X`, c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// LogConnection takes in what the balancer tells of a connection.
func (s *Service) LogConnection(c balancer.Connection) {
	var place logPlace
	on, port := false, ""
	s.Store.View(func(tx *store.Tx) {
		if l, ok := s.tables.listeners.Get(tx, c.Listener); ok {
			lb, _ := s.tables.loadBalancers.Get(tx, *l.Desc.LoadBalancerArn)
			place, on = placeOf(lb, connectionLog)
			port = strconv.Itoa(int(aws.ToInt32(l.Desc.Port)))
		}
	})
	if !on {
		return
	}
	latency := "-"
	if c.Handshake > 0 {
		latency = took(c.Handshake)
	}
	s.logs.add(place, strings.Join([]string{
		instant(c.At), c.Client.Addr().String(), strconv.Itoa(int(c.Client.Port())), port, dash(c.TLS.Version), dash(c.TLS.Cipher), latency,
		quote(c.TLS.CertSubject), dash(c.TLS.CertTime), dash(c.TLS.CertSerial), dash(c.Verify), c.Conn,
	}, " ")+"\n")
}
