package node

import (
	"net/netip"
	"testing"
)

func TestFreeLease(t *testing.T) {
	net := netip.MustParsePrefix("127.70.1.0/27")
	taken := map[string]bool{"127.70.1.1": true}
	first, _ := freeLease(net, "BC:24:11:00:00:01", taken)
	if again, _ := freeLease(net, "BC:24:11:00:00:01", taken); again != first {
		t.Errorf("one MAC is given %s, then %s", first, again)
	}
	if other, _ := freeLease(net, "BC:24:11:00:00:02", taken); other == first {
		t.Errorf("two MACs begin at the same address %s", first)
	}
	for range 21 {
		a, ok := freeLease(net, "BC:24:11:00:00:01", taken)
		if last := a.As4()[3]; !ok || last < firstLease || last > 30 || taken[a.String()] {
			t.Fatalf("the lease %s of %v is taken, or outside of .10 to .30", a, taken)
		}
		taken[a.String()] = true
	}
	if a, ok := freeLease(net, "BC:24:11:00:00:01", taken); ok {
		t.Errorf("a full network gives %s", a)
	}
}
