package lxcguest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestForwardingAlias(t *testing.T) {
	for _, f := range []*forwarding{{redirects: "1", fresh: "0"}, {redirects: "0", fresh: "1", on: []string{"eth0", "wg-1.5"}}} {
		if got := parseAlias(f.alias()); !reflect.DeepEqual(got, f) {
			t.Errorf("%+v became %+v by %q", f, got, f.alias())
		}
	}
	for _, text := range []string{"", "somebody's bridge", aliasMark, aliasMark + ", accept_redirects"} {
		if f := parseAlias(text); f != nil {
			t.Errorf("%q: %+v", text, f)
		}
	}
}

// Every setting of the machine is restored, whichever of two sandboxes ends first, and
// even if one was killed. The test runs in a network namespace of its own.
func TestForwardingPutBack(t *testing.T) {
	if os.Getenv("INFRAHAUS_E2E") == "" {
		t.Skip("it needs root and dnsmasq: runs with INFRAHAUS_E2E=1 only")
	}
	runtime.LockOSThread() // the thread is never unlocked, so it ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"link", "set", "lo", "up"}, {"link", "add", "up0", "type", "veth", "peer", "name", "up1"}} {
		if err := run(t.Context(), "ip", args...); err != nil {
			t.Fatal(err)
		}
	}
	files := []string{forwardFile}
	for _, conf := range []string{"all", "default", "up0", "up1", "lo"} {
		for _, name := range []string{"forwarding", "accept_redirects", "send_redirects", "rp_filter"} {
			files = append(files, setting(conf, name))
		}
	}
	look := func() string {
		var b strings.Builder
		for _, f := range files {
			b.WriteString(f + " " + readSetting(f) + "\n")
		}
		return b.String()
	}
	set := func(file, value string) {
		if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	set(forwardFile, "0")
	set(setting("all", "accept_redirects"), "0")
	set(setting("up1", "forwarding"), "1")
	was := look()
	dirs := []string{t.TempDir(), t.TempDir()}
	open := func(i int) *network {
		t.Helper()
		n, err := openNetwork(t.Context(), dirs[i], tag(dirs[i]))
		if err != nil {
			t.Fatal(err)
		}
		if readSetting(forwardFile) != "1" {
			t.Error("guests have no way out")
		}
		return n
	}
	for name, play := range map[string]func() []*network{
		"one":                  func() []*network { return []*network{open(0)} },
		"the first goes first": func() []*network { a, b := open(0), open(1); return []*network{a, b} },
		"the first goes last":  func() []*network { a, b := open(0), open(1); return []*network{b, a} },
		"the owner was killed": func() []*network {
			killed := open(0)
			_ = killed.dnsmasq.Process.Kill()
			_ = killed.dnsmasq.Wait()
			return []*network{open(0)}
		},
	} {
		closing := play()
		for i, n := range closing {
			if err := n.close(); err != nil {
				t.Fatal(err)
			}
			if i < len(closing)-1 && readSetting(forwardFile) != "1" {
				t.Errorf("%s: the other sandbox lost its way out", name)
			}
		}
		if now := look(); now != was {
			t.Errorf("%s: the settings were\n%s and are\n%s", name, was, now)
		}
	}
	// While one sandbox begins or ends, another one waits, and changes nothing.
	held, err := lockMachine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := openNetwork(soon, dirs[0], tag(dirs[0])); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the network was made meanwhile: %v", err)
	}
	if now := look(); now != was {
		t.Errorf("the settings were\n%s and are\n%s", was, now)
	}
	held()
	set(forwardFile, "1")
	n := open(0)
	if err := n.close(); err != nil || readSetting(forwardFile) != "1" {
		t.Errorf("a machine that forwards was changed: %v", err)
	}
	if left, _ := filepath.Glob("/proc/sys/net/ipv4/conf/" + bridgePrefix + "*"); left != nil {
		t.Error(left)
	}
}
