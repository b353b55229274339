package system

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/tty"
)

// sshd is the SSH daemon: root by public key, exec and sftp.
func sshd(p *proc, args []string) int {
	s := of(p)
	if len(args) > 1 && args[1] == "-t" {
		return 0
	}
	if s != nil && s.o.NoSSHD {
		return daemonOnly(p, nil)
	}
	key, err := p.View().ReadFile("/etc/ssh/ssh_host_ed25519_key")
	if err != nil {
		p.Errorf("no hostkeys available -- exiting.")
		return 1
	}
	signer, err := ssh.ParsePrivateKey(key)
	if err != nil {
		p.Errorf("Unable to load host key: %v", err)
		return 1
	}
	if s != nil && s.o.SSHDelay > 0 {
		p.SetReady()
		if !p.Sleep(s.o.SSHDelay - time.Since(p.M.Booted())) {
			return 0
		}
	}
	cfg := &ssh.ServerConfig{ServerVersion: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3", MaxAuthTries: 6,
		PublicKeyCallback: func(c ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
			return nil, allowed(p, c.User(), k)
		},
		PasswordCallback: func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) {
			return nil, fmt.Errorf("root may not log in with a password")
		}}
	cfg.AddHostKey(signer)
	serve := func(c net.Conn) { serveSSH(p, cfg, c) }
	if _, err := p.Listen("tcp", netip.IPv4Unspecified(), 22, serve); err != nil {
		p.Errorf("error: Bind to port 22 on 0.0.0.0 failed: %s.", kernel.Reason(err))
		return 255
	}
	return daemonOnly(p, nil)
}

func allowed(p *proc, user string, k ssh.PublicKey) error {
	u, ok := p.LookupUser(user)
	if !ok {
		return fmt.Errorf("no such user")
	}
	b, err := p.View().ReadFile(path.Join(u.Home, ".ssh/authorized_keys"))
	for err == nil && len(b) > 0 {
		var have ssh.PublicKey
		if have, _, _, b, err = ssh.ParseAuthorizedKey(b); err == nil && bytes.Equal(have.Marshal(), k.Marshal()) {
			return nil
		}
	}
	return fmt.Errorf("not authorized")
}

func serveSSH(p *proc, cfg *ssh.ServerConfig, c net.Conn) {
	defer c.Close()
	if s := of(p); s != nil {
		defer s.links.add(c)()
		if s.o.SSHBusy != nil && s.o.SSHBusy() {
			// OpenSSH 9.8 and later, for an address with many connections that did not
			// log in.
			_, _ = io.WriteString(c, "Not allowed at this time\r\n")
			return
		}
	}
	stop := make(chan struct{})
	defer close(stop)
	go func() { // the connection ends with the daemon
		select {
		case <-p.Context().Done():
			c.Close()
		case <-stop:
		}
	}()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	conn, chans, reqs, err := ssh.NewServerConn(c, cfg)
	if err != nil {
		return
	}
	_ = c.SetDeadline(time.Time{})
	go ssh.DiscardRequests(reqs)
	for n := range chans {
		if n.ChannelType() != "session" {
			_ = n.Reject(ssh.UnknownChannelType, "unknown channel type")
			continue
		}
		ch, reqs, err := n.Accept()
		if err == nil {
			go session(p, conn.User(), ch, reqs)
		}
	}
}

// session serves one channel. Messages to a client that left are lost.
func session(p *proc, user string, ch ssh.Channel, reqs <-chan *ssh.Request) {
	u, _ := p.LookupUser(user)
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + u.Home, "USER=" + u.Name, "LOGNAME=" + u.Name, "SHELL=" + u.Shell, "LANG=C.UTF-8", "SSH_CONNECTION=" + "127.0.0.1 0 127.0.0.1 22"}
	if s := of(p); s != nil {
		env = s.pamEnv(p, env)
	}
	var main *proc
	var terminal *tty.TTY // of pty-req
	ctx, cancel := context.WithCancel(p.Context())
	defer cancel()
	for r := range reqs {
		var a struct{ Value string }
		switch r.Type {
		case "env":
			_ = r.Reply(false, nil)
		case "exec", "shell":
			_ = ssh.Unmarshal(r.Payload, &a)
			shell := u.Shell
			if shell == "" {
				shell = "/bin/sh"
			}
			argv := []string{shell, "-c", a.Value}
			if r.Type == "shell" {
				argv = []string{shell}
			}
			e := kernel.Exec{Argv: argv, Env: env, Cwd: u.Home, User: u.Name, Unit: "session-2.scope", Stdin: ch, Stdout: ch, Stderr: ch.Stderr()}
			if terminal != nil {
				e.Stdin, e.Stdout, e.Stderr, e.TTY = nil, nil, nil, terminal
			}
			q, err := p.M.Spawn(e)
			_ = r.Reply(err == nil, nil)
			if err != nil {
				ch.Close()
				continue
			}
			main = q
			go func() {
				if terminal != nil {
					p.M.Bridge(ctx, terminal, q, ch, ch)
				}
				<-q.Done()
				exit(ch, q)
			}()
		case "subsystem":
			_ = ssh.Unmarshal(r.Payload, &a)
			_ = r.Reply(a.Value == "sftp", nil)
			if a.Value == "sftp" {
				go serveSFTP(p, u, ch)
			}
		case "signal":
			var s struct{ Name string }
			_ = ssh.Unmarshal(r.Payload, &s)
			if n, ok := kernel.SignalNumber(s.Name); ok && main != nil {
				main.Signal(n)
			}
		case "pty-req":
			var v kernel.PtyRequest
			ok := terminal == nil && main == nil && ssh.Unmarshal(r.Payload, &v) == nil
			if ok {
				terminal = p.M.NewPts()
				terminal.SetSize(int(v.Cols), int(v.Rows))
				env = append(env, "TERM="+v.Term)
			}
			_ = r.Reply(ok, nil)
		case "window-change":
			var v kernel.WindowChange
			if terminal != nil && ssh.Unmarshal(r.Payload, &v) == nil {
				terminal.SetSize(int(v.Cols), int(v.Rows))
			}
		default:
			if r.WantReply {
				_ = r.Reply(false, nil)
			}
		}
	}
}

func exit(ch ssh.Channel, q *proc) {
	if sig := q.Killed(); sig != 0 {
		_, _ = ch.SendRequest("exit-signal", false, ssh.Marshal(struct {
			Signal string
			Core   bool
			Msg    string
			Lang   string
		}{kernel.SignalName(sig), false, "", ""}))
	} else {
		_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(q.Status())}))
	}
	_ = ch.CloseWrite()
	ch.Close()
}

func serveSFTP(p *proc, u kernel.User, ch ssh.Channel) {
	defer ch.Close()
	v := p.View()
	v.Cwd, v.UID, v.GID, v.Groups = u.Home, u.UID, u.GID, u.Groups
	h := &sftpFS{v}
	srv := sftp.NewRequestServer(ch, sftp.Handlers{FileGet: h, FilePut: h, FileCmd: h, FileList: h}, sftp.WithStartDirectory(u.Home))
	_ = srv.Serve() // EOF
	srv.Close()
	_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{0}))
}

// sftpFS is the guest's file system for SFTP.
type sftpFS struct{ v *fsys.View }

func sftpErr(err error) error {
	if err == nil {
		return nil
	}
	return fsys.Errno(err)
}

func (f *sftpFS) Fileread(r *sftp.Request) (io.ReaderAt, error) {
	h, err := f.v.Open(r.Filepath, os.O_RDONLY, 0)
	return h, sftpErr(err)
}

func (f *sftpFS) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	flags := os.O_WRONLY
	p := r.Pflags()
	if p.Creat {
		flags |= os.O_CREATE
	}
	if p.Trunc {
		flags |= os.O_TRUNC
	}
	if p.Excl {
		flags |= os.O_EXCL
	}
	h, err := f.v.Open(r.Filepath, flags, 0o644)
	return h, sftpErr(err)
}

func (f *sftpFS) Filecmd(r *sftp.Request) error {
	switch r.Method {
	case "Setstat":
		a, fl := r.Attributes(), r.AttrFlags()
		var err error
		if fl.Permissions {
			err = f.v.Chmod(r.Filepath, kernel.FromUnix(a.Mode))
		}
		if fl.UidGid && err == nil {
			err = f.v.Chown(r.Filepath, int(a.UID), int(a.GID), true)
		}
		if fl.Size && err == nil {
			err = f.v.Truncate(r.Filepath, int64(a.Size))
		}
		if fl.Acmodtime && err == nil {
			err = f.v.Chtimes(r.Filepath, time.Unix(int64(a.Atime), 0), time.Unix(int64(a.Mtime), 0))
		}
		return sftpErr(err)
	case "Rename", "PosixRename":
		return sftpErr(f.v.Rename(r.Filepath, r.Target))
	case "Rmdir", "Remove":
		return sftpErr(f.v.Remove(r.Filepath))
	case "Mkdir":
		return sftpErr(f.v.Mkdir(r.Filepath, 0o777))
	case "Symlink":
		return sftpErr(f.v.Symlink(r.Filepath, r.Target))
	case "Link":
		return sftpErr(f.v.Link(r.Filepath, r.Target))
	}
	return sftp.ErrSSHFxOpUnsupported
}

type sftpList []fs.FileInfo

func (l sftpList) ListAt(out []fs.FileInfo, at int64) (int, error) {
	if at >= int64(len(l)) {
		return 0, io.EOF
	}
	n := copy(out, l[at:])
	if n < len(out) {
		return n, io.EOF
	}
	return n, nil
}

func (f *sftpFS) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	switch r.Method {
	case "List":
		list, err := f.v.ReadDir(r.Filepath)
		out := make(sftpList, len(list))
		for i, x := range list {
			out[i] = x
		}
		return out, sftpErr(err)
	case "Stat":
		i, err := f.v.Stat(r.Filepath)
		return sftpList{i}, sftpErr(err)
	case "Readlink":
		t, err := f.v.Readlink(r.Filepath)
		return sftpList{linkText(t)}, sftpErr(err)
	}
	return nil, sftp.ErrSSHFxOpUnsupported
}

// Lstat is Stat without following a link.
func (f *sftpFS) Lstat(r *sftp.Request) (sftp.ListerAt, error) {
	i, err := f.v.Lstat(r.Filepath)
	return sftpList{i}, sftpErr(err)
}

type linkText string

func (l linkText) Name() string     { return string(l) }
func (linkText) Size() int64        { return 0 }
func (linkText) Mode() fs.FileMode  { return fs.ModeSymlink }
func (linkText) ModTime() time.Time { return time.Time{} }
func (linkText) IsDir() bool        { return false }
func (linkText) Sys() any           { return nil }
