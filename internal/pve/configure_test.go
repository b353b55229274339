package pve

import "testing"

func TestWithProperties(t *testing.T) {
	for _, c := range []struct {
		have string
		set  map[string]string
		want string
	}{
		{"name=eth0,bridge=vmbr0,ip=dhcp", map[string]string{"ip": "10.0.0.5/24", "gw": "10.0.0.1", "bridge": ""}, "name=eth0,ip=10.0.0.5/24,gw=10.0.0.1"},
		{"local-lvm:vm-100-disk-0,size=8G", map[string]string{"size": "9G"}, "local-lvm:vm-100-disk-0,size=9G"},
		{"", map[string]string{"nesting": "1", "keyctl": ""}, "nesting=1"},
		{"nesting=1", map[string]string{"nesting": ""}, ""},
	} {
		if got := WithProperties(c.have, c.set); got != c.want {
			t.Errorf("%q with %v is %q, not %q", c.have, c.set, got, c.want)
		}
	}
}

func TestSameProperties(t *testing.T) {
	if !SameProperties("a=1,b=2,type=veth", "b=2,a=1") || SameProperties("a=1", "a=2") || SameProperties("a=1", "") {
		t.Error("property strings are compared wrongly")
	}
}

func TestSizeMiB(t *testing.T) {
	for size, want := range map[string]int{"8G": 8192, "512M": 512, "1T": 1 << 20, "0T": 0, "": 0, "8": 0, "x": 0, "4194304K": 0} {
		if got := SizeMiB(size); got != want {
			t.Errorf("%q is %d MiB, not %d", size, got, want)
		}
	}
}
