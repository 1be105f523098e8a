package testkit_test

import (
	"errors"
	"testing"

	"github.com/turnoutdev/turnout/testkit"
)

func TestTries(t *testing.T) {
	no := errors.New("no")
	for _, c := range []struct{ passes, calls int }{{1, 1}, {3, 3}, {4, 3}} { // the call that passes, of three
		calls := 0
		err := testkit.Tries(3, func() error {
			if calls++; calls < c.passes {
				return no
			}
			return nil
		})
		if calls != c.calls || (err == nil) != (c.passes <= 3) {
			t.Errorf("passing at call %d: %d calls, %v", c.passes, calls, err)
		}
	}
}
