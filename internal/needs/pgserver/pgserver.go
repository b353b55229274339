// Package pgserver starts PostgreSQL servers, and poolers in front of them, for tests and for
// the crash harness: each in a folder and on a socket of its own. The machine's own servers and
// settings are left alone.
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrMissing is the error if PostgreSQL is not installed.
var ErrMissing = errors.New("PostgreSQL is not installed (package postgresql)")

// User is the superuser of every server. Nobody needs a password.
const User = "postgres"

// Server is a running PostgreSQL.
type Server struct {
	Dir  string // its socket, data and log
	Port int    // of the socket's name, and on loopback with TCP

	bin  string
	args []string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	exit error
}

// Options of a server.
type Options struct {
	TCP      bool              // listens on 127.0.0.1 too
	Settings map[string]string // of postgresql.conf
	Files    map[string][]byte // made in Dir, 0600, before the start
}

// Start makes a database and serves it. Close it.
func Start(o Options) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "infrahaus-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir, bin: bin, Port: 5432}
	if err := s.prepare(o); err != nil {
		s.Close()
		return nil, err
	}
	if err := s.Up(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Installed reports whether there is a PostgreSQL to start.
func Installed() bool {
	_, err := binaries()
	return err == nil
}

// binaries is the folder of the newest version on this machine.
func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		if path, err := exec.LookPath("postgres"); err == nil {
			return filepath.Dir(path), nil
		}
		return "", ErrMissing
	}
	return filepath.Dir(slices.Max(found)), nil
}

func (s *Server) prepare(o Options) error {
	if err := s.own(s.Dir); err != nil {
		return err
	}
	for name, text := range o.Files {
		path := filepath.Join(s.Dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return err
		}
		if err := s.own(path); err != nil {
			return err
		}
	}
	initdb := exec.Command(filepath.Join(s.bin, "initdb"), "-D", s.data(), "-U", User, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	s.asUser(initdb)
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	s.args = []string{"-D", s.data(), "-c", "unix_socket_directories=" + s.Dir, "-c", "fsync=off", "-c", "autovacuum=off"}
	listen := ""
	if o.TCP {
		port, err := freePort()
		if err != nil {
			return err
		}
		s.Port, listen = port, "127.0.0.1"
	}
	s.args = append(s.args, "-c", "listen_addresses="+listen, "-p", strconv.Itoa(s.Port))
	for name, value := range o.Settings {
		s.args = append(s.args, "-c", name+"="+value)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.Dir, "data") }

// own gives a file to the user that the server runs as.
func (s *Server) own(path string) error {
	uid, gid := identity()
	if os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(path, uid, gid)
}

// Up starts the server, also after Down or Kill.
func (s *Server) Up() error {
	log, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = exec.Command(filepath.Join(s.bin, "postgres"), s.args...)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.Dir, log, log
	s.asUser(s.cmd)
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		s.exit = cmd.Wait()
		close(done)
	}(s.cmd, s.done)
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		// It takes nobody in until it has written this.
		if text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid")); err == nil && strings.HasSuffix(strings.TrimSpace(string(text)), "ready") {
			return nil
		}
		select {
		case <-s.done:
			text, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
			return fmt.Errorf("postgres has ended: %w: %s", s.exit, text)
		default:
		}
		if time.Now().After(end) {
			return errors.New("postgres does not start")
		}
	}
}

// Down stops the server and breaks its connections.
func (s *Server) Down() error { return s.end(syscall.SIGINT) }

// Kill ends the server as a power cut would.
func (s *Server) Kill() error { return s.end(syscall.SIGQUIT) }

func (s *Server) end(sig syscall.Signal) error {
	if s.cmd == nil || s.cmd.Process == nil {
		return nil
	}
	_ = s.cmd.Process.Signal(sig)
	<-s.done
	s.cmd = nil
	return nil
}

// Close stops the server and removes its folder.
func (s *Server) Close() {
	_ = s.Down()
	os.RemoveAll(s.Dir)
}

// URL is the address of a schema of its own in the server's database, over the socket.
func (s *Server) URL(schema string) string {
	q := url.Values{"host": {s.Dir}, "port": {strconv.Itoa(s.Port)}}
	if schema != "" {
		q.Set("search_path", schema)
	}
	return "postgres://" + User + "@/postgres?" + q.Encode()
}

// Run runs statements as the superuser.
func (s *Server) Run(ctx context.Context, statements string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "psql"), "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", s.Dir, "-p", strconv.Itoa(s.Port), "-U", User, "-d", "postgres", "-c", statements)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
