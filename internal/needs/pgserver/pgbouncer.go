package pgserver

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Pooler is a pgbouncer in front of a server, which gives each transaction another connection.
type Pooler struct {
	port int
	cmd  *exec.Cmd
}

// Pool starts a pooler. Close it before the server.
func (s *Server) Pool() (*Pooler, error) {
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		if path = "/usr/sbin/pgbouncer"; !exists(path) {
			return nil, fmt.Errorf("pgbouncer is not installed (package pgbouncer)")
		}
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	ini := filepath.Join(s.Dir, "pgbouncer.ini")
	text := fmt.Sprintf("[databases]\npostgres = host=%s port=%d user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 2\n", s.Dir, s.Port, port)
	if out, err := exec.Command(path, "--version").Output(); err == nil && !strings.HasPrefix(string(out), "PgBouncer 1.1") && !strings.HasPrefix(string(out), "PgBouncer 1.20") {
		text += "max_prepared_statements = 0\n" // newer ones keep them for their clients
	}
	if err := os.WriteFile(ini, []byte(text), 0o644); err != nil {
		return nil, err
	}
	p := &Pooler{port: port, cmd: exec.Command(path, "-q", ini)}
	s.asUser(p.cmd)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			c.Close()
			return p, nil
		}
	}
	p.Close()
	return nil, fmt.Errorf("pgbouncer does not start")
}

// URL is the address through the pooler. options are those of a URL's query.
func (p *Pooler) URL(options url.Values) string {
	u := url.URL{Scheme: "postgres", User: url.User(User), Host: "127.0.0.1:" + strconv.Itoa(p.port), Path: "/postgres", RawQuery: options.Encode()}
	return u.String()
}

// Close ends the pooler.
func (p *Pooler) Close() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
