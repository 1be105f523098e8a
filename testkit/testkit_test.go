package testkit_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/turnoutdev/turnout/testkit"
)

// probe records how a test was ended.
type probe struct {
	testing.TB
	end string
}

func (p *probe) Helper()                           {}
func (p *probe) Skip(args ...any)                  { p.stop("skip: " + fmt.Sprint(args...)) }
func (p *probe) Fatalf(format string, args ...any) { p.stop("fail: " + fmt.Sprintf(format, args...)) }

func (p *probe) stop(how string) {
	p.end = how
	runtime.Goexit()
}

func end(reason string) string {
	p, done := &probe{}, make(chan struct{})
	go func() {
		defer close(done)
		testkit.NeedOrSkip(p, reason)
	}()
	<-done
	return p.end
}

func TestASkipIsAFailureWhereNoneIsAllowed(t *testing.T) {
	t.Setenv(testkit.NoSkip, "")
	if got := end("needs docker"); got != "skip: skipped: needs docker" {
		t.Errorf("by default: %q", got)
	}
	t.Setenv(testkit.NoSkip, "1")
	if got := end("needs docker"); got != "fail: needs docker, and TURNOUT_NO_SKIP=1 allows no skip" {
		t.Errorf("with %s: %q", testkit.NoSkip, got)
	}
}
