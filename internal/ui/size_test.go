package ui

import (
	"testing"
	"time"
)

func TestSizes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1023: "1.0 KiB", 1024: "1.0 KiB", 13 << 20: "13 MiB", 290 << 20: "290 MiB",
		1023 << 20: "1.0 GiB", 3 << 29: "1.5 GiB", 94 << 30: "94 GiB", 1 << 62: "4.0 EiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0s", 59 * time.Second: "59s", time.Minute: "1m 0s", 3725 * time.Second: "1h 2m",
		100 * time.Hour: "4d 4h", 48 * time.Hour: "2d 0h"} {
		if got := Span(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
