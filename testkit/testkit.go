// Package testkit holds what tests of every part of Turnout share.
package testkit

import (
	"os"
	"testing"
)

// NoSkip is the environment variable that turns a skip into a failure: where all that the
// tests need is said to be there, a test that does not run is a test that does not pass.
const NoSkip = "TURNOUT_NO_SKIP"

// NeedOrSkip ends a test that lacks something, which reason names ("needs python3 with
// botocore"): as skipped, or as failed if NoSkip is "1".
func NeedOrSkip(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv(NoSkip) == "1" {
		t.Fatalf("%s, and %s=1 allows no skip", reason, NoSkip)
	}
	t.Skip("skipped: " + reason)
}

// Tries calls f until it returns nil, at most n times, and returns its last error. It is
// for what other programs of this machine may disturb: process managers, for one, move
// processes from the control groups that they were put into.
func Tries(n int, f func() error) (err error) {
	for range n {
		if err = f(); err == nil {
			return nil
		}
	}
	return err
}
