package cli

import (
	"testing"
	"time"
)

func TestSince(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                     {},
		"720h":                 now.Add(-720 * time.Hour),
		"90m":                  now.Add(-90 * time.Minute),
		"30d":                  now.Add(-720 * time.Hour),
		"0s":                   now,
		"2026-01-31":           time.Date(2026, 1, 31, 0, 0, 0, 0, time.Local),
		"2026-01-31T10:00:00Z": time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC),
	} {
		if got, err := since(text, now); err != nil || !got.Equal(want) {
			t.Errorf("since(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"x", "d", "-1h", "-3d", "1.5d", "30", "2026-13-01", "999999999999d"} {
		if got, err := since(text, now); err == nil {
			t.Errorf("since(%q) = %v", text, got)
		}
	}
}

func TestSizeText(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1 KiB", 5 << 20: "5 MiB", 3 << 30: "3 GiB", 2 << 40: "2048 GiB"} {
		if got := sizeText(n); got != want {
			t.Errorf("sizeText(%d) = %s, want %s", n, got, want)
		}
	}
}
