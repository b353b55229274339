package kernel

import (
	"io/fs"
	"strings"
	"syscall"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// Getenv is a variable of the process's environment.
func (p *Proc) Getenv(key string) string {
	v, _ := p.LookupEnv(key)
	return v
}

// LookupEnv tells unset from empty.
func (p *Proc) LookupEnv(key string) (string, bool) {
	for i := len(p.env) - 1; i >= 0; i-- {
		if k, v, _ := strings.Cut(p.env[i], "="); k == key {
			return v, true
		}
	}
	return "", false
}

// Cwd is the working folder.
func (p *Proc) Cwd() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cwd
}

// Args returns the arguments of the process, as ps shows them.
func (p *Proc) Args() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.args
}

// Env is its environment: KEY=value.
func (p *Proc) Env() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.env
}

// SetEnv replaces it; env is not written to afterwards.
func (p *Proc) SetEnv(env []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.env = env
}

// Unit is the unit or session that it belongs to.
func (p *Proc) Unit() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unit
}

// Chdir changes it.
func (p *Proc) Chdir(dir string) error {
	v := p.View()
	i, err := v.Stat(dir)
	if err != nil {
		return err
	}
	if !i.IsDir() {
		return &fs.PathError{Op: "chdir", Path: dir, Err: syscall.ENOTDIR}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cwd = v.Abs(dir)
	return nil
}

// Umask is the file mode creation mask; SetUmask sets it.
func (p *Proc) Umask() fs.FileMode {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.umask
}

// SetUmask is umask(2).
func (p *Proc) SetUmask(m fs.FileMode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.umask = m & 0o777
}

// UID and GID are the effective ids.
func (p *Proc) UID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.uid
}

// GID is the effective group.
func (p *Proc) GID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gid
}

// PPID, SID and PGID place the process.
func (p *Proc) PPID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ppid
}

// SID is the session.
func (p *Proc) SID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sid
}

// PGID is the process group.
func (p *Proc) PGID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pgid
}

// Setsid begins a session of the process's own.
func (p *Proc) Setsid() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sid, p.pgid, p.tty = p.Pid, p.Pid, nil
}

// Started is when it was started.
func (p *Proc) Started() time.Time { return p.started }

// Comm is the short name.
func (p *Proc) Comm() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.comm
}

// SetComm changes the name of the process, as prctl(PR_SET_NAME) does.
func (p *Proc) SetComm(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(s) > 15 {
		s = s[:15]
	}
	p.comm = s
}

// View is the file system as this process sees it.
func (p *Proc) View() *fsys.View {
	return &fsys.View{FS: p.M.FS, Cwd: p.cwd, UID: p.uid, GID: p.gid, Groups: p.groups, Umask: p.umask, Hook: p.hook, Done: p.ctx.Done()}
}
