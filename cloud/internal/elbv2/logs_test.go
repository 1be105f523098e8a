package elbv2

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/balancer"
)

// shelf is S3 with one bucket, "logs".
type shelf map[string]string

func (s shelf) Put(_ context.Context, bucket, key string, content []byte) error {
	if bucket != "logs" {
		return errors.New("NoSuchBucket")
	}
	s[key] = string(content)
	return nil
}

func (s shelf) Object(_ context.Context, bucket, key, _ string, _ int64) ([]byte, string, error) {
	c, ok := s[key]
	if bucket != "logs" || !ok {
		return nil, "", errors.New("NoSuchKey")
	}
	return []byte(c), "", nil
}

func (s scene) setLogs(kind, bucket, prefix string) error {
	pair := func(k, v string) types.LoadBalancerAttribute {
		return types.LoadBalancerAttribute{Key: aws.String(kind + ".s3." + k), Value: aws.String(v)}
	}
	_, err := s.ModifyLoadBalancerAttributes(bg, &elb.ModifyLoadBalancerAttributesInput{LoadBalancerArn: &s.lb, Attributes: []types.LoadBalancerAttribute{
		pair("enabled", "true"), pair("bucket", bucket), pair("prefix", prefix),
	}})
	return err
}

// unzip returns the shelf's only file whose name matches.
func (s shelf) unzip(t *testing.T, name string) string {
	t.Helper()
	for key, content := range s {
		if regexp.MustCompile(name).MatchString(key) {
			r, err := gzip.NewReader(bytes.NewReader([]byte(content)))
			must(t, 0, err)
			b, err := io.ReadAll(r)
			return string(must(t, b, err))
		}
	}
	t.Fatalf("no %s among %v", name, s)
	return ""
}

func TestAccessLogs(t *testing.T) {
	s, objects := newScene(t), shelf{}
	s.Objects = objects
	wantError(t, s.setLogs("access_logs", "other", ""), "InvalidConfigurationRequest", "Access Denied for bucket: other. Please check S3bucket permission")
	if s.b.listener(t, s.listener).Record {
		t.Error("refused, and it records")
	}
	must(t, 0, s.setLogs("access_logs", "logs", "web/"))
	if text := objects["web/AWSLogs/123456789012/ELBAccessLogTestFile"]; !strings.HasPrefix(text, "Enable AccessLog for ELB: web at 20") {
		t.Errorf("the test file says %q among %v", text, objects)
	}
	l := s.b.listener(t, s.listener)
	if !l.Record || l.RecordConns {
		t.Error("it does not record")
	}
	began := time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)
	s.LogRequest(balancer.Entry{
		Listener: s.listener, Rule: l.Rules[0].ID, Action: "forward", Group: s.blue, Target: netip.MustParseAddrPort("10.0.0.1:80"),
		Client: netip.MustParseAddrPort("192.168.131.39:2817"), Conn: "TID_1", Protocol: "HTTP/1.1",
		Method: "GET", Scheme: "http", Host: "www.example.com", Port: "80", Path: "/a?b=\"c\"", UserAgent: "curl/7.46.0", Trace: "Root=1-2-3",
		Began: began, Waited: 0, Answering: 1500 * time.Microsecond, Answered: time.Millisecond, Status: 200, TargetStatus: 200, Received: 34, Sent: 366,
	})
	s.LogRequest(balancer.Entry{Listener: s.listener, Method: "-", Path: "-", Protocol: "-", Scheme: "http", Port: "80", Began: began, Waited: -1, Answering: -1, Answered: -1, Status: 400, Doubt: "Severe", DoubtReason: "BadHeader"})
	s.deliver(bg)
	got := objects.unzip(t, `^web/AWSLogs/123456789012/elasticloadbalancing/us-east-1/\d{4}/\d\d/\d\d/123456789012_elasticloadbalancing_us-east-1_app\.web\.[0-9a-f]{16}_\d{8}T\d{4}Z_127\.[0-9.]+_[0-9a-f]{8}\.log\.gz$`)
	_, id, _ := strings.Cut(s.lb, "loadbalancer/")
	want := "http 2026-11-30T10:00:00.002500Z " + id + " 192.168.131.39:2817 10.0.0.1:80 0.000 0.002 0.001 200 200 34 366 " +
		`"GET http://www.example.com:80/a?b=\x22c\x22 HTTP/1.1" "curl/7.46.0" - - ` + s.blue + ` "Root=1-2-3" "-" "-" 0 2026-11-30T10:00:00.000000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-" TID_1 "-" "-" "-"`
	lines := strings.Split(got, "\n")
	if lines[0] != want {
		t.Errorf("got  %s\nwant %s", lines[0], want)
	}
	if !strings.Contains(lines[1], `-1 -1 -1 400 - 0 0 "- http://127.`) || !strings.Contains(lines[1], `:80- -" "-" - - - "-" "-" "-" -1 2026`) || !strings.Contains(lines[1], `"Severe" "BadHeader" - `) {
		t.Errorf("a request that does not parse: %s", lines[1])
	}
}

func TestConnectionLogs(t *testing.T) {
	s, objects := newScene(t), shelf{}
	s.Objects = objects
	must(t, 0, s.setLogs("connection_logs", "logs", ""))
	if _, ok := objects["AWSLogs/123456789012/ELBConnectionLogTestFile"]; !ok {
		t.Errorf("no test file in %v", objects)
	}
	s.LogConnection(balancer.Connection{
		Listener: s.listener, At: time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC), Client: netip.MustParseAddrPort("10.0.0.1:1234"), Conn: "TID_1",
		TLS:       balancer.TLS{Version: "TLSv1.3", Cipher: "TLS_AES_128_GCM_SHA256", CertSubject: "CN=a", CertSerial: "0A", CertTime: "NotBefore=x;NotAfter=y"},
		Handshake: 2 * time.Millisecond, Verify: "Success",
	})
	s.deliver(bg)
	want := "2026-11-30T10:00:00.000000Z 10.0.0.1 1234 80 TLSv1.3 TLS_AES_128_GCM_SHA256 0.002 \"CN=a\" NotBefore=x;NotAfter=y 0A Success TID_1\n"
	if got := objects.unzip(t, `/conn_log\.123456789012_`); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

// Application and network load balancers come to the bucket by different names.
func TestWhoBringsLogs(t *testing.T) {
	s := newScene(t)
	var asked []string
	s.Admit = func(service, account, action, resource string, keys map[string]string) error {
		asked = append(asked, strings.Join([]string{service, account, action, resource, keys["aws:sourcearn"], keys["aws:sourceaccount"], keys["s3:x-amz-acl"]}, " "))
		return nil
	}
	for _, lb := range []string{"arn:lb:loadbalancer/app/a/1", "arn:lb:loadbalancer/net/n/1"} {
		must(t, 0, s.admitted(logPlace{lb: lb, bucket: "logs"}, "k"))
	}
	const network = " arn:aws:logs:us-east-1:123456789012:* 123456789012 bucket-owner-full-control"
	want := []string{
		"logdelivery.elasticloadbalancing.amazonaws.com 127311923021 s3:PutObject arn:aws:s3:::logs/k arn:lb:loadbalancer/app/a/1 123456789012 bucket-owner-full-control",
		"delivery.logs.amazonaws.com  s3:GetBucketAcl arn:aws:s3:::logs" + network,
		"delivery.logs.amazonaws.com  s3:PutObject arn:aws:s3:::logs/k" + network,
	}
	if !slices.Equal(asked, want) {
		t.Errorf("got  %q\nwant %q", asked, want)
	}
}
