package ui

import (
	"fmt"
	"strconv"
	"time"
)

// Bytes is a size in at most three digits: 290 MiB, 1.5 GiB.
func Bytes(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	size, unit := float64(n), 0
	for size >= 999.5 && unit < len(units)-1 {
		size, unit = size/1024, unit+1
	}
	if unit == 0 || size >= 9.95 {
		return fmt.Sprintf("%.0f %s", size, units[unit])
	}
	return fmt.Sprintf("%.1f %s", size, units[unit])
}

// Span is a length of time in its two largest units: 3d 4h, 12m 5s.
func Span(d time.Duration) string {
	seconds := int64(d / time.Second)
	units := []struct {
		name string
		long int64
	}{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}}
	text, left := "", 2
	for _, u := range units {
		n := seconds / u.long
		seconds %= u.long
		if n == 0 && text == "" && u.long > 1 {
			continue
		}
		if left--; left < 0 {
			break
		}
		if text != "" {
			text += " "
		}
		text += strconv.FormatInt(n, 10) + u.name
	}
	return text
}
