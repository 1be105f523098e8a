package config

import (
	"reflect"
	"testing"
	"time"
)

func TestMarshalWritesWhatDiffers(t *testing.T) {
	const src = `service: web
cluster: prod
region: eu-west-1
image:
  repository: team/web
  context: app
codedeploy:
  application: shop
  group: shop-web
infrastructure:
  subnets:
    - subnet-1
    - subnet-2
  load_balancer:
    test_port: 8443
  health:
    path: /healthz
    interval: 15s
  deregistration_delay: 0s
  ready_wait: 1h
  termination_wait: 1h30m
`
	c, err := Parse("turnout.yml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if d := c.Infrastructure.DeregistrationDelay; d != 0 {
		t.Errorf("a delay of zero was read as %v", d)
	}
	out, err := Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("turnout.yml", out)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !reflect.DeepEqual(c, again) {
		t.Errorf("read again as\n%+v\nwant\n%+v\nfrom\n%s", again, c, out)
	}
	if n := len(out); n > len(src)+len(Schema) {
		t.Errorf("defaults were written:\n%s", out)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 90 * time.Second: "1m30s", 5 * time.Minute: "5m", 2 * time.Hour: "2h", 150 * time.Minute: "2h30m",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

func TestANestedSectionKeepsTheDefaultsOfItsSiblings(t *testing.T) {
	c, err := Parse("turnout.yml", []byte("service: a\ninfrastructure:\n  desired_count: 1\n"))
	if err != nil || c.Infrastructure.TerminationWait != 5*time.Minute {
		t.Errorf("%v, %v", c.Infrastructure.TerminationWait, err)
	}
}
