package cli

import (
	"testing"
	"time"
)

func TestSince(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                          {},
		"90s":                       now.Add(-90 * time.Second),
		"2h30m":                     now.Add(-150 * time.Minute),
		"3d":                        now.AddDate(0, 0, -3),
		"2026-11-23T10:00:00+01:00": time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
		"2026-11-23":                time.Date(2026, 11, 23, 0, 0, 0, 0, time.Local),
	} {
		if got, err := sinceTime(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"yesterday", "-5m", "5", "d", "-1d", "1.5d"} {
		if got, err := sinceTime(text, now); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}
