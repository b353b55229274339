package api

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestPace: the duration of a stream follows its rate, whatever the chunks, and an idle
// moment is not made up for.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pace{rate: 300_000}
		began := time.Now()
		for range 300 {
			p.spend(1000)
		}
		if d := time.Since(began); d < 990*time.Millisecond || d > time.Second {
			t.Errorf("300,000 bytes took %v", d)
		}
		time.Sleep(time.Hour)
		began = time.Now()
		p.spend(300_000)
		if d := time.Since(began); d != time.Second {
			t.Errorf("after an hour they took %v", d)
		}
		began = time.Now()
		(&pace{}).spend(1 << 30)
		if d := time.Since(began); d != 0 {
			t.Errorf("without a rate %v", d)
		}
	})
}
