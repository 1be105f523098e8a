package fault

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/turnoutdev/turnout/internal/document"
)

func TestCodesAndHints(t *testing.T) {
	doc := &document.Error{Message: "bad", Hint: "mend it"}
	for name, c := range map[string]struct {
		err  error
		code int
		hint string
	}{
		"none":                          {nil, 0, ""},
		"any":                           {errors.New("no"), Failed, ""},
		"own":                           {New(RolledBack, "look", "no"), RolledBack, "look"},
		"own, wrapped":                  {fmt.Errorf("shift: %w", New(Stopped, "look", "no")), Stopped, "look"},
		"own, one of several":           {errors.Join(errors.New("first"), New(Dropped, "", "no")), Dropped, ""},
		"a document":                    {fmt.Errorf("read: %w", doc), Usage, "mend it"},
		"own without a hint of its own": {New(Failed, "", "%w", doc), Failed, "mend it"},
		"cancelled":                     {fmt.Errorf("call: %w", context.Canceled), Interrupted, ""},
		"own, of a cancelled one":       {New(TimedOut, "", "%w", context.Canceled), TimedOut, ""},
	} {
		if Code(c.err) != c.code || Hint(c.err) != c.hint {
			t.Errorf("%s: %d, %q; want %d, %q", name, Code(c.err), Hint(c.err), c.code, c.hint)
		}
	}
	cause := errors.New("cause")
	if err := New(Failed, "", "it: %w", cause); !errors.Is(err, cause) || err.Error() != "it: cause" {
		t.Error(err)
	}
}
