package conformance

import (
	"net/http"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// Every operation, filled to the last member and filled at random, through the real client.
func TestEveryOperationRoundTrips(t *testing.T) {
	for _, tg := range targets {
		t.Run(tg.name, func(t *testing.T) {
			t.Parallel()
			var e echo
			unknown := &unknownMembers{next: wire.Transport(e.serve(tg))}
			ops := tg.operations(config(unknown))
			count := 0
			for i, op := range ops {
				if tg.name == "lambda" && beyond[op.name] != "" {
					continue
				}
				count++
				f := newFiller(t, tg.service(nil).Names, uint64(i))
				f.plain = tg.name == "lambda"
				roundTrip(t, op, &e, f.fill(op.in), f.fill(op.out))
				f.skip = 0.5
				roundTrip(t, op, &e, f.fill(op.in), f.fill(op.out))
			}
			for _, u := range unknown.found {
				t.Errorf("not understood: %s", u)
			}
			if count < tg.minimum {
				t.Errorf("%d operations, expected %d or more", count, tg.minimum)
			}
			t.Logf("%d operations", count)
		})
	}
}

func roundTrip(t *testing.T, op operation, e *echo, in, out any) {
	t.Helper()
	e.in, e.out = nil, out
	got, err := op.call(t.Context(), in)
	if err != nil {
		if !strings.Contains(err.Error(), "missing required field") { // left out by the filler
			t.Errorf("%s: %v", op.name, err)
		}
		return
	}
	if d := differ(in, e.in); d != "" {
		t.Errorf("%s: input (-sent +decoded):\n%s", op.name, d)
	}
	if d := differ(out, got); d != "" {
		t.Errorf("%s: output (-encoded +received):\n%s", op.name, d)
	}
}

// unknownMembers notes what the server said it did not understand.
type unknownMembers struct {
	next  http.RoundTripper
	found []string
}

func (u *unknownMembers) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := u.next.RoundTrip(r)
	if err == nil {
		u.found = append(u.found, resp.Header.Values("X-Turnout-Unknown-Member")...)
	}
	return resp, err
}
