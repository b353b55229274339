package lxcguest

import (
	"testing"
)

func TestDebianMirror(t *testing.T) {
	for _, tt := range []struct{ sources, want string }{
		{"deb http://deb.debian.org/debian bookworm main\n", "http://deb.debian.org/debian"},
		{"# x\ndeb [signed-by=/a] https://mirror.example/pub/debian/ bookworm main\n", "https://mirror.example/pub/debian"},
		{"Types: deb\nURIs: http://proxy:3142/debian\nSuites: bookworm\n", "http://proxy:3142/debian"},
		{"deb http://archive.ubuntu.com/ubuntu noble main\n", ""},
		{"deb http://x/debian-security bookworm-security main\n", ""},
	} {
		if got := debianMirror(tt.sources); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.sources, got, tt.want)
		}
	}
}

func TestAptProxy(t *testing.T) {
	dump := "APT \"\";\nAcquire::http::Proxy \"http://cache:3142\";\nAcquire::Check-Date \"false\";\nAcquire::cdrom::mount \"/m/\";\n"
	env := map[string]string{"http_proxy": "http://ignored:1", "HTTPS_PROXY": "http://p:2"}
	want := "Acquire::http::Proxy \"http://cache:3142\";\nAcquire::Check-Date \"false\";\nAcquire::https::Proxy \"http://p:2\";\n"
	if got := aptProxy(dump, func(k string) string { return env[k] }); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestParseAddresses(t *testing.T) {
	got, err := parseAddresses([]byte(`[{"ifname":"lo","address":"00:00:00:00:00:00","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8}]},
	 {"ifname":"eth0","address":"bc:24:11:ba:a7:20","addr_info":[{"local":"fe80::1","prefixlen":64},{"local":"10.1.2.3","prefixlen":24},{"local":"2001:db8::2","prefixlen":64}]}]`))
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	e := got[1]
	if e.MAC != "BC:24:11:BA:A7:20" || e.Addr.String() != "10.1.2.3/24" || e.Addr6.String() != "2001:db8::2/64" || e.LinkLocal.String() != "fe80::1/64" {
		t.Errorf("got %+v", e)
	}
	if _, err := parseAddresses([]byte("no")); err == nil {
		t.Error("garbage was taken")
	}
}

func TestMissingNamesPackagesOnce(t *testing.T) {
	err := missing(map[string]string{"no-such-program": "zzz", "no-such-program-2": "zzz", "no-such-program-3": "aaa", "sh": "dash"})
	if err == nil || err.Error() != "install aaa zzz" {
		t.Errorf("%v", err)
	}
	if err := missing(map[string]string{"sh": "dash"}); err != nil {
		t.Error(err)
	}
}
