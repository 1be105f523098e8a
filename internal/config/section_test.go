package config

import (
	"strings"
	"testing"
	"time"
)

func TestSetSections(t *testing.T) {
	const src = `# ours
service: web   # the shop
infrastructure:
  desired_count: 3 # enough
  health:
    path: /old

# how it is rehearsed
rehearse:
  rate: 50
`
	c, err := Parse("turnout.yml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	c.Infrastructure.Health.Path, c.Infrastructure.DeregistrationDelay = "/new", 30*time.Second
	c.CodeDeploy.Application = "shop"
	out, commented, err := SetSections([]byte(src), c, "infrastructure", "codedeploy")
	if err != nil {
		t.Fatal(err)
	}
	const want = `# ours
service: web   # the shop
infrastructure:
  desired_count: 3
  health:
    path: /new
  deregistration_delay: 30s

# how it is rehearsed
rehearse:
  rate: 50
codedeploy:
  application: shop
`
	if string(out) != want || strings.Join(commented, " ") != "infrastructure" {
		t.Errorf("comments of %v went\n%s", commented, out)
	}
	again, _, err := SetSections(out, c, "infrastructure", "codedeploy")
	if err != nil || string(again) != want {
		t.Errorf("a second time: %v\n%s", err, again)
	}
	c.Infrastructure = fresh("").Infrastructure
	c.defaults()
	if out, _, err = SetSections(out, c, "infrastructure"); err != nil || strings.Contains(string(out), "infrastructure") {
		t.Errorf("defaults: %v\n%s", err, out)
	}
}
