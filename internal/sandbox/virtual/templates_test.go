package virtual

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTemplateScripts runs the built-in templates' scripts with stand-ins for
// the helpers: the guest must know every program that they use, and a program that runs as
// another user must not complain about root's home.
func TestTemplateScripts(t *testing.T) {
	helpers := "log_info() { echo \"$*\"; }; log_error() { echo \"E $*\"; }; save_credential() { mkdir -p /etc/infrahaus/credentials; echo \"$2=$3\" >>/etc/infrahaus/credentials/$1; }; port=8081 db_name=app db_user=app db_password=\"it's\" allow=samenet; "
	for _, c := range []struct{ name, before, after, want string }{
		{"nginx", "apt-get install -y -qq nginx-light", "systemctl is-active nginx; curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1/", "active\n200"},
		{"postgresql", "apt-get install -y -qq postgresql", "systemctl is-active postgresql; ss -Htln | grep -c 0.0.0.0:5432; cat /etc/infrahaus/credentials/postgresql", "active\n1\nUSER=app\nPASSWORD=it's\nDATABASE=app\nPORT=5432\n"},
		{"docker", "apt-get install -y -qq docker.io busybox-static; mkdir -p /opt/hello/www; echo '<h1>hi' >/opt/hello/www/index.html", "docker ps --format '{{.Names}}\\t{{.Image}}\\t{{.Ports}}'; docker ps -a --format json; docker ps -q --filter name=nope; docker inspect -f '{{.State.Status}}' hello; curl -s http://127.0.0.1:8081/", "hello\thello:1\t0.0.0.0:8081->8080/tcp, :::8081->8080/tcp\njson\nrunning\n<h1>hi\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			scripts, _ := filepath.Glob(filepath.Join("..", "..", "..", "templates", c.name, "scripts", "*.sh"))
			if len(scripts) == 0 {
				t.Skip("the template is not there")
			}
			d := testDriver(t, Options{})
			boot(t, d, 100, "debian-12")
			sh(t, d, 100, ready+c.before)
			for _, s := range scripts {
				b, err := os.ReadFile(s)
				if err != nil {
					t.Fatal(err)
				}
				if err := d.Push(context.Background(), 100, "/tmp/s", bytes.NewReader(append([]byte(helpers), b...)), "0755", "", ""); err != nil {
					t.Fatal(err)
				}
				if out, st := sh(t, d, 100, "/tmp/s 2>&1"); st != 0 || strings.Contains(out, "sandbox:") || strings.Contains(out, "Permission denied") {
					t.Errorf("%s: status %d: %s", s, st, out)
				}
			}
			if out, _ := sh(t, d, 100, c.after); out != c.want {
				t.Errorf("%q, want %q", out, c.want)
			}
			if u := d.Unknown(); len(u) > 0 {
				t.Errorf("unknown programs: %v", u)
			}
		})
	}
}
