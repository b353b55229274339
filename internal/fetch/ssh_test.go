package fetch

import (
	"context"
	"errors"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/needs"
)

// sshServer runs git's upload-pack for one login, and returns a client of it.
func sshServer(t *testing.T) (dial func(context.Context, string, string, int) (*ssh.Client, error), asked *[]string) {
	t.Helper()
	git := needs.Program(t, "git", "git")
	conf := &ssh.ServerConfig{NoClientAuth: true}
	conf.AddHostKey(newSigner(t))
	asked = &[]string{}
	return func(_ context.Context, user, host string, port int) (*ssh.Client, error) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer ln.Close()
		go func() {
			if plain, err := ln.Accept(); err == nil {
				serveGit(git, plain, conf, asked)
			}
		}()
		return ssh.Dial("tcp", ln.Addr().String(), &ssh.ClientConfig{User: user, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	}, asked
}

func serveGit(git string, plain net.Conn, conf *ssh.ServerConfig, asked *[]string) {
	defer plain.Close()
	_, chans, reqs, err := ssh.NewServerConn(plain, conf)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(reqs)
	for c := range chans {
		ch, reqs, err := c.Accept()
		if err != nil {
			return
		}
		for r := range reqs {
			var payload struct{ Command string }
			_ = ssh.Unmarshal(r.Payload, &payload)
			_ = r.Reply(r.Type == "exec", nil)
			*asked = append(*asked, payload.Command)
			cmd := exec.Command(git, "upload-pack", strings.Trim(strings.TrimPrefix(payload.Command, "git-upload-pack "), "'"))
			cmd.Stdout, cmd.Stderr = ch, ch.Stderr()
			in, err := cmd.StdinPipe() // as sshd, do not wait for the client's end of input
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(in, ch); in.Close() }()
			status := uint32(0)
			if cmd.Run() != nil {
				status = 128
			}
			_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
			ch.Close()
		}
	}
}

func TestSSH(t *testing.T) {
	w := newWorld(t)
	one := w.commit("main", "one")
	w.commit("main", "two")
	dial, asked := sshServer(t)
	f := w.fetcher(Options{SSH: dial})
	at := "git+ssh://git@git.example.org:2222" + escape(filepath.ToSlash(w.root)) + "/t.git"
	w.holds(w.resolve(f, at+"//web@main", "", Anew), "files/index.html", "two")
	w.holds(w.resolve(f, at+"//web@"+one, "", Anew), "files/index.html", "one")
	w.refused(f, at+"//web@none", `no branch or tag "none"`)
	e := w.refused(f, "git+ssh://git@git.example.org/no/such.git", "the server says: fatal: ")
	if e.ExitStatus() != exit.Usage {
		t.Errorf("status %d", e.ExitStatus())
	}
	if got := (*asked)[0]; got != "git-upload-pack '"+w.root+"/t.git'" {
		t.Errorf("it runs %q", got)
	}
	f = w.fetcher(Options{SSH: func(context.Context, string, string, int) (*ssh.Client, error) { return nil, errors.New("no route") }})
	if found := w.resolve(f, at+"//web@main", "", Anew); len(found.Notes) != 1 || !strings.Contains(found.Notes[0], "no route") {
		t.Errorf("without the server it notes %q", found.Notes)
	}
}

// A path cannot end the command that the server's shell gets.
func TestSSHQuotes(t *testing.T) {
	w := newWorld(t)
	dial, asked := sshServer(t)
	w.refused(w.fetcher(Options{SSH: dial}), "git+ssh://host/a';touch%20x;'", "the server says")
	if got := (*asked)[0]; got != `git-upload-pack '/a'\'';touch x;'\'''` {
		t.Errorf("it runs %q", got)
	}
}
