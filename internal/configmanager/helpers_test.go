package configmanager

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/discover"
	"github.com/infrahaus/infrahaus/internal/guest"
)

// script runs text as a script of a template: after the helpers, and under strict
// options.
func (g *fakeGuest) script(text string, env ...string) (string, int) {
	g.t.Helper()
	data, err := embedded.ReadFile("guest/helpers.sh")
	if err != nil {
		g.t.Fatal(err)
	}
	g.write("helpers.sh", string(data), 0o644)
	return g.run("/", "set -eu\n. "+g.path("helpers.sh")+"\n"+text, env...)
}

func TestSaveCredential(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.write("attempt/x", "", 0o600)
		out, status := g.script(`
			save_credential web USER admin
			save_credential web PASSWORD 'a b\c "d" $e'"'"'='
			save_credential web USER root
			save_credential PASSWORD of-the-template
			save_credential web EMPTY ''
			i=0; while [ $i -lt 5 ]; do i=$((i+1)); save_credential many K$i v & done; wait`,
			"INFRAHAUS_ATTEMPT="+g.path("attempt"), "TEMPLATE_NAME=tpl")
		if status != 0 || out != "" {
			t.Fatalf("status %d: %s", status, out)
		}
		want := "USER=root\nPASSWORD='a b\\c \"d\" $e'\\''='\nEMPTY=''\n"
		if got := g.read(CredentialsDir + "/web"); got != want {
			t.Errorf("file %q, want %q", got, want)
		}
		if got := g.read(CredentialsDir + "/tpl"); got != "PASSWORD=of-the-template\n" {
			t.Errorf("the two-word form: %q", got)
		}
		if n := strings.Count(g.read(CredentialsDir+"/many"), "=v\n"); n != 5 {
			t.Errorf("%d of 5 credentials saved at once", n)
		}
		secrets := g.read("attempt/secrets")
		if !strings.HasPrefix(secrets, "USER=admin\nPASSWORD=a b\\c") || strings.Count(secrets, "\n") != 10 {
			t.Errorf("secrets %q", secrets)
		}
		for _, p := range []string{CredentialsDir + "/web", "attempt/secrets"} {
			if fi, _ := os.Stat(g.path(p)); fi.Mode() != 0o600 {
				t.Errorf("%s is %v", p, fi.Mode())
			}
		}
		if fi, _ := os.Stat(g.path(CredentialsDir)); fi.Mode().Perm() != 0o700 {
			t.Errorf("folder %v", fi.Mode())
		}
		if left, _ := os.ReadDir(g.path(CredentialsDir)); len(left) != 3 {
			t.Errorf("left behind: %v", left)
		}
	})
}

// Discovery reads exactly the bytes that save_credential writes, whatever the file
// contained before. With the line for the follower, every line of the value is redacted.
func TestSaveCredentialIsRead(t *testing.T) {
	var every strings.Builder
	for c := 1; c < 256; c++ {
		every.WriteByte(byte(c))
	}
	pem := "-----BEGIN X-----\nAb+/==\n\n-----END X-----\n"
	values := []string{
		"plain", "", "=", "==", "a b", "it's", "'", "''", "\"", "\\", "\\'", "$a `b` $(c)", "#c", "a #c", "~", "*", "a\nb", "\n", "a\n\n", "\na", "K=x\nL=y'\n#'\n",
		"a\r\nb\r\n", "\t\x1b[1m", pem, "caf\u00e9", every.String(), "-n", "%s", "-----",
	}
	files := []string{
		"", "# c\n\nA=1\n", "A=1", "K=old\nA=1\nK=older\n", "A='x\nK=no\n'\nK='a\n'\\''b\n'\nB=2\n", "A=\"x\nK=no \\\"\n\"\nexport K=\"a\nb\" # c\nB=2\n",
		"export K='a'\n", "A='x' # it's\nK=1\nB=2\n", "A='\n'\nK='\n'\nB='2'\n",
	}
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.write("attempt/x", "", 0o600)
		var script strings.Builder
		for i, value := range values {
			g.write(fmt.Sprintf("value%d", i), value, 0o600)
			for j, file := range files {
				if i%3 != j%3 { // a third of the combinations is enough
					continue
				}
				g.write(fmt.Sprintf("%s/s%d.%d", CredentialsDir, i, j), file, 0o600)
				call := fmt.Sprintf("save_credential s%d.%d K %s\n", i, j, guest.Quote(value))
				if j%2 == 1 && value != "" {
					call = fmt.Sprintf("save_credential s%d.%d K - <%s\n", i, j, g.path(fmt.Sprintf("value%d", i)))
				}
				script.WriteString(call)
			}
		}
		out, status := g.script(script.String(), "INFRAHAUS_ATTEMPT="+g.path("attempt"))
		if status != 0 || out != "" {
			t.Fatalf("status %d: %s", status, out)
		}
		saved := 0
		for i, value := range values {
			for j, file := range files {
				if i%3 != j%3 {
					continue
				}
				saved++
				text := g.read(fmt.Sprintf("%s/s%d.%d", CredentialsDir, i, j))
				want := discover.ReadCredential([]byte(file))
				if want == nil {
					want = map[string]string{}
				}
				want["K"] = value
				if got := discover.ReadCredential([]byte(text)); !maps.Equal(got, want) {
					t.Errorf("%q saved into %q is %q, read as %q", value, file, text, got)
				}
			}
		}
		if left, _ := filepath.Glob(g.path(CredentialsDir) + "/.*"); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
		secrets := g.read("attempt/secrets")
		if lines := strings.Count(secrets, "\n"); lines != saved {
			t.Errorf("%d lines are told of %d values", lines, saved)
		}
		if !strings.Contains(secrets, "K=-----BEGIN X-----\rAb+/==\r\r-----END X-----\r\n") {
			t.Errorf("told: %q", secrets)
		}
	})
}

// In a file of an older version, which wrote values unquoted, the other lines stay.
func TestSaveCredentialInOldFiles(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		for _, test := range []struct{ old, want string }{
			{"USER=admin\nPASSWORD=it's $a\nURL=a b\n", "USER=admin\nPASSWORD=new\nURL=a b\n"},
			{"A='open\nPASSWORD=x\nB=y\n", "A='open\nPASSWORD=new\nB=y\n"},
			{"B=it's\nPASSWORD=\"x\nC=y\n", "B=it's\nPASSWORD=new\nC=y\n"},
			{"the key's one value\n", "the key's one value\nPASSWORD=new\n"},
		} {
			g.write(CredentialsDir+"/web", test.old, 0o600)
			if out, status := g.script("save_credential web PASSWORD new"); status != 0 {
				t.Fatalf("status %d: %s", status, out)
			}
			if got := g.read(CredentialsDir + "/web"); got != test.want {
				t.Errorf("%q became %q, want %q", test.old, got, test.want)
			}
		}
	})
}

func TestSaveCredentialRefuses(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.write("nul", "a\x00b\n", 0o600)
		g.write("large", strings.Repeat("x", 65536), 0o600)
		for _, call := range []string{
			"../x K v", ".x K v", "'a b' K v", "'' K v", "-x K v", "web 'A B' v", "web A=B v", "web '' v", "web 1A v",
			"a..b K v", "K", "a b c d", "web K - </dev/null", "web K - <" + g.path("nul"), "web K - <" + g.path("large"), `web K "$(cat ` + g.path("large") + `)"`,
		} {
			if out, status := g.script("save_credential " + call); status == 0 || !strings.Contains(out, "save_credential:") {
				t.Errorf("save_credential %s: status %d, %q", call, status, out)
			}
		}
		if left, _ := os.ReadDir(g.path(CredentialsDir)); len(left) > 0 {
			t.Errorf("something was written: %v", left)
		}
		for _, name := range []string{"root", "root.env", "_root", "_variables", "_"} {
			if out, status := g.script("save_credential " + name + " K v"); status != 2 || !strings.Contains(out, "infrahaus's own") {
				t.Errorf("the service %s: status %d, %q", name, status, out)
			}
		}
		if out, status := g.script("save_credential roots K v; save_credential root.d K v"); status != 0 {
			t.Errorf("status %d, %q", status, out)
		}
	})
}

func TestHelpers(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.write("etc/os-release", "NAME=\"Some\"\nID=debian\nVERSION_ID=\"12\"", 0o644)
		g.write("etc/passwd", "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n"+
			"svc:x:1000:1000::/:/usr/sbin/nologin\ncoder:x:1001:1001::/home/coder:/bin/bash\n", 0o644)
		g.write("proc/locks", "1: POSIX  ADVISORY  WRITE 7 00:1f:99999999999 0 EOF\n", 0o644)
		out, status := g.script(`
			log_info one two; log_warn 'a  b'; log_error '%s'
			is_installed sh && echo has sh
			is_installed no-such-thing || echo lacks it
			a=$(generate_password); b=$(generate_password 40); echo "${#a} ${#b}"
			case $a$b in *[!A-Za-z0-9]*) echo odd;; esac
			[ "$a" != "$(generate_password)" ] && echo differs
			wait_for_apt_lock 2 && echo unlocked
			echo "$CONTAINER_OS $CONTAINER_OS_VERSION $CONTAINER_USER $CONFIG_MANAGER_FIRST_RUN $DEBIAN_FRONTEND"`)
		if status != 0 {
			t.Fatalf("status %d: %s", status, out)
		}
		stamp := regexp.MustCompile(`(?m)^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] `)
		want := "[INFO   ] one two\n[WARNING] a  b\n[ERROR  ] %s\nhas sh\nlacks it\n16 40\ndiffers\nunlocked\ndebian 12 coder true noninteractive\n"
		if got := stamp.ReplaceAllString(out, ""); got != want || len(stamp.FindAllString(out, -1)) != 3 {
			t.Errorf("got %q, want %q", out, want)
		}
	})
}

func TestEnsureInstalled(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.fakes(map[string]string{
			"dpkg-query": `case $* in *" curl") echo "install ok installed";; *) exit 1;; esac`, "apt-get": "",
		})
		if out, s := g.script("ensure_installed curl\nensure_installed curl jq vim\nensure_installed git", "_PKG_MGR=apt"); s != 0 {
			t.Fatalf("status %d: %s", s, out)
		}
		calls := g.calls()
		if strings.Count(calls, " update\n") != 1 || !strings.Contains(calls, " install jq vim\n") || !strings.Contains(calls, " install git\n") {
			t.Error(calls)
		}
	})
}
