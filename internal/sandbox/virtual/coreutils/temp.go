package coreutils

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func randomName(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := make([]byte, n)
	rand.Read(b)
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b)
}

func mktemp(p *proc, args []string) int {
	o, ok := parse(p, args, "dqup:t", "directory quiet dry-run tmpdir? suffix=")
	if !ok {
		return 1
	}
	if len(o.args) > 1 {
		p.Errorf("too many templates")
		return 1
	}
	if o.has("q", "quiet") {
		p.Stderr = io.Discard
	}
	tmpl, dir := "tmp.XXXXXXXXXX", ""
	if len(o.args) > 0 {
		tmpl = o.args[0]
	}
	if len(o.args) == 0 || o.has("t", "p", "tmpdir") {
		dir = p.Getenv("TMPDIR")
		if d, has := o.get("p", "tmpdir"); has && d != "" {
			dir = d
		}
		if dir == "" {
			dir = "/tmp"
		}
	}
	suffix, _ := o.get("suffix")
	end := strings.LastIndexByte(tmpl, 'X') + 1
	start := end
	for start > 0 && tmpl[start-1] == 'X' {
		start--
	}
	if (end-start < 6 || end < len(tmpl)) && onBusybox(p) { // musl's mkstemp wants six at the end
		p.Errorf("%s: Invalid argument", tmpl)
		return 1
	}
	if end-start < 3 {
		p.Errorf("too few X's in template ‘%s’", tmpl)
		return 1
	}
	v := p.View()
	for range 100 {
		name := tmpl[:start] + randomName(end-start) + tmpl[end:] + suffix
		if dir != "" {
			name = path.Join(dir, name)
		}
		var err error
		switch {
		case o.has("u", "dry-run"):
		case o.has("d", "directory"):
			err = v.Mkdir(name, 0o700)
		default:
			var f *fsys.File
			if f, err = v.Open(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
				f.Close()
			}
		}
		if err == nil {
			p.Printf("%s\n", name)
			return 0
		}
		if !errors.Is(err, fs.ErrExist) {
			return fail(p, "failed to create file via template ‘"+tmpl+"’", err)
		}
	}
	return 1
}

// locks are the files that flock holds, by machine.
type lockKey struct{}

type lockTable struct {
	mu    chan struct{}
	holds map[string]int
}

func flock(p *proc, args []string) int {
	o, ok := parseOpts(p, args, "xenw:E:", "exclusive nonblock wait= conflict-exit-code=", false)
	if !ok {
		return 1
	}
	if len(o.args) < 2 {
		refuse(p, "a lock without a command")
		return 64
	}
	conflict := 1
	if s, has := o.get("E", "conflict-exit-code"); has {
		conflict, _ = strconv.Atoi(s)
	}
	t := p.M.Value(lockKey{}, func() any { return &lockTable{mu: make(chan struct{}, 1), holds: map[string]int{}} }).(*lockTable)
	name := p.View().Abs(o.args[0])
	h, err := p.View().Open(name, os.O_CREATE|os.O_RDONLY, 0o666)
	if err != nil {
		p.Errorf("cannot open lock file %s: %s", o.args[0], kernel.Reason(err))
		return 66
	}
	h.Close()
	deadline := time.Now().Add(time.Hour)
	if w, has := o.get("w", "wait"); has {
		if f, err := strconv.ParseFloat(w, 64); err == nil {
			deadline = time.Now().Add(time.Duration(f * float64(time.Second)))
		}
	}
	for {
		t.mu <- struct{}{}
		free := t.holds[name] == 0
		if free {
			t.holds[name] = p.Pid
		}
		<-t.mu
		if free {
			break
		}
		if o.has("n", "nonblock") || time.Now().After(deadline) || !p.Sleep(10*time.Millisecond) {
			return conflict
		}
	}
	defer func() { t.mu <- struct{}{}; delete(t.holds, name); <-t.mu }()
	argv := o.args[1:]
	if argv[0] == "-c" && len(argv) > 1 {
		argv = []string{"sh", "-c", argv[1]}
	}
	return p.Call(argv...)
}
