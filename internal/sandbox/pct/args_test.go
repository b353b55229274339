package pct

import (
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		args   string
		params map[string]string
		extra  string
		err    string // the first line
	}{
		{"exec 100 -- echo -n a", map[string]string{}, "echo -n a", ""},
		{"exec 100 --keep-env 0 -- sh -c x", map[string]string{"keep-env": "0"}, "sh -c x", ""},
		{"exec --keep-env=no 100 -- ls --all", map[string]string{"keep-env": "0"}, "ls --all", ""},
		{"exec 100 ls --all -x", nil, "", "Unknown option: all\nUnknown option: x\n400 unable to parse option"},
		{"exec 100", map[string]string{}, "", ""},
		{"exec 99 -- true", nil, "", "400 Parameter verification failed."},
		{"exec abc -- true", nil, "", "400 Parameter verification failed."},
		{"exec", nil, "", "400 not enough arguments"},
		{"push 100 a b -perms 0600 --user=nobody", map[string]string{"file": "a", "destination": "b", "perms": "0600", "user": "nobody"}, "", ""},
		{"push 100 a", nil, "", "400 not enough arguments"},
		{"push 100 a b c", nil, "", "400 too many arguments"},
		{"push 100 a b --mode 7", nil, "", "Unknown option: mode"},
		{"set 100 --features nesting=1,keyctl=1 --onboot", map[string]string{"features": "nesting=1,keyctl=1", "onboot": "1"}, "", ""},
		{"set 100 --onboot yes", map[string]string{"onboot": "1"}, "", ""},
		{"set 100 --memory", nil, "", "Option memory requires an argument"},
		{"set 100 --memory lots", nil, "", "400 Parameter verification failed."},
		{"set 100 --net0 name=eth0,bridge=vmbr0", map[string]string{"net0": "name=eth0,bridge=vmbr0"}, "", ""},
		{"set 100 --node pve2", nil, "", "Unknown option: node"},
		{"list", map[string]string{}, "", ""},
	} {
		words := strings.Fields(tt.args)
		cmd := subcommands()[words[0]]
		c, err := cmd.parse(words[1:], 8)
		if tt.err != "" {
			if err == nil || !strings.HasPrefix(err.Error(), tt.err) {
				t.Errorf("%s: %v", tt.args, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.args, err)
			continue
		}
		if got := strings.Join(c.extra, " "); got != tt.extra {
			t.Errorf("%s: extra %q", tt.args, got)
		}
		for k, v := range tt.params {
			if c.params[k] != v {
				t.Errorf("%s: %s is %q", tt.args, k, c.params[k])
			}
		}
		if words[0] != "list" && words[0] != "help" && c.vmid != 100 {
			t.Errorf("%s: id %d", tt.args, c.vmid)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("exec", "100 --keep-env 0 -- sh -c x")
	f.Add("set", "100 --net0 name=eth0 -onboot")
	f.Fuzz(func(t *testing.T, verb, rest string) {
		cmd, ok := subcommands()[verb]
		if !ok {
			return
		}
		c, err := cmd.parse(strings.Split(rest, " "), 8)
		if err == nil && len(cmd.args) > 0 && c.vmid < 100 {
			t.Errorf("%s %q went through as container %d", verb, rest, c.vmid)
		}
	})
}

func TestGuestEnv(t *testing.T) {
	caller := []string{"HOME=/root", "PATH=/usr/local/bin", "TERM=linux", "LANG=C", "SSL_CERT_FILE=/x", "PWD=/root"}
	if got := strings.Join(guestEnv(caller, true), " "); got != "PATH=/sbin:/bin:/usr/sbin:/usr/bin HOME=/root TERM=linux LANG=C container=lxc" {
		t.Error(got)
	}
	if got := strings.Join(guestEnv(caller, false), " "); got != "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=linux container=lxc" {
		t.Error(got)
	}
}

func TestWarnLocale(t *testing.T) {
	for _, tt := range []struct {
		env  []string
		warn bool
	}{
		{nil, false},
		{[]string{"LANG=C.UTF-8"}, false},
		{[]string{"LANG=en_US.UTF-8", "LC_CTYPE=de_DE.UTF-8"}, true},
		{[]string{"LC_ALL=xx"}, true},
	} {
		var b strings.Builder
		p := &kernel.Proc{Stderr: &b}
		p.SetEnv(tt.env)
		warnLocale(p, false)
		if (b.Len() > 0) != tt.warn {
			t.Errorf("%v: %q", tt.env, b.String())
		}
	}
}

func TestEncode(t *testing.T) {
	if got := node.EncodeText("made by infrahaus: 100%\nü"); got != "made by infrahaus: 100%25%0A%C3%BC" {
		t.Error(got)
	}
}

func TestAttachErrors(t *testing.T) {
	const attach = "lxc-attach: 100: ../src/lxc/attach.c: lxc_attach_run_command: 1841 No such file or directory - Failed to exec \"nosuch\"\n"
	for _, tt := range []struct {
		name     string
		said     []string
		status   int
		attached bool
		want     string
	}{
		{"the guest's own word", []string{"nosuch: not found\n"}, 127, false, attach},
		{"silence", nil, 127, false, attach},
		{"lxc-attach said it", []string{attach}, 127, true, attach},
		{"a program that ends with 127", []string{"nosuch: 1: x: not found\n"}, 127, false, "nosuch: 1: x: not found\n"},
		{"a program that says so and goes on", []string{"nosuch: not found\n", "more\n"}, 1, false, "nosuch: not found\nmore\n"},
		{"a program that says so", []string{"nosuch: not found\n"}, 3, false, "nosuch: not found\n"},
	} {
		var b strings.Builder
		a := &attachErrors{w: &b, name: "nosuch", line: 1841}
		for _, s := range tt.said {
			if _, err := a.Write([]byte(s)); err != nil {
				t.Fatal(err)
			}
		}
		a.end(100, tt.status, tt.attached)
		if b.String() != tt.want {
			t.Errorf("%s: %q", tt.name, b.String())
		}
	}
}
