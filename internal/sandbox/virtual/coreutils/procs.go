package coreutils

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func procCommands() map[string]kernel.Command {
	return map[string]kernel.Command{
		"sleep": sleep, "kill": func(p *proc, a []string) int { return kernel.Kill(p, p.Stdout, p.Stderr, a) }, "setsid": setsid, "nohup": nohup, "timeout": timeout,
		"env": env, "printenv": printenv, "nice": nice, "chroot": chroot, "xargs": xargs, "ps": ps, "pgrep": pgrep, "pkill": pgrep, "killall": killall, "pidof": pidof,
		"su": su, "runuser": su, "sudo": sudo, "true": yesTrue, "false": func(*proc, []string) int { return 1 }, "yes": yes, "watch": nil1, "which": which,
		"renice": yesTrue, "stty": yesTrue, "clear": yesTrue, "time": func(p *proc, a []string) int { return p.Exec(a[1:]) }, "test": test, "[": test,
	}
}

func nil1(p *proc, args []string) int {
	p.Errorf("sandbox: %s is not supported by the virtual guest", args[0])
	return 1
}

// test is the program; scripts use the shell's own.
func test(p *proc, args []string) int {
	return p.Call(append([]string{"sh", "-c", `"$0" "$@"`, path.Base(args[0])}, args[1:]...)...)
}

func duration(s string) (time.Duration, bool) {
	unit := time.Second
	if s != "" {
		if k := strings.IndexByte("smhd", s[len(s)-1]); k >= 0 {
			unit = []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour}[k]
			s = s[:len(s)-1]
		}
	}
	if s == "infinity" || s == "inf" {
		return 1 << 62, true
	}
	f, err := strconv.ParseFloat(s, 64)
	return time.Duration(f * float64(unit)), err == nil && f >= 0
}

func sleep(p *proc, args []string) int {
	if len(args) < 2 {
		return missing(p)
	}
	var d time.Duration
	for _, a := range args[1:] {
		x, ok := duration(a)
		if !ok {
			p.Errorf("invalid time interval ‘%s’", a)
			return 1
		}
		d += x
	}
	p.Sleep(d)
	return 0
}

func setsid(p *proc, args []string) int {
	o, ok := parseOpts(p, args, "cfw", "ctty fork wait", false)
	if !ok || len(o.args) == 0 {
		return 1
	}
	// A process group leader cannot begin a session, so setsid forks then.
	if p.PGID() == p.Pid || o.has("f", "fork") {
		q, err := p.Start(kernel.Child{Argv: o.args, Setsid: true})
		if err != nil {
			p.Errorf("fork: %v", err)
			return 1
		}
		if o.has("w", "wait") {
			return p.Wait(q)
		}
		return 0
	}
	p.Setsid()
	return p.Exec(o.args)
}

func nohup(p *proc, args []string) int {
	if len(args) < 2 {
		return missing(p)
	}
	p.Ignore(1)
	return p.Exec(args[1:])
}

func timeout(p *proc, args []string) int {
	o, ok := parseOpts(p, args, "s:k:v", "signal= kill-after= foreground preserve-status verbose", false)
	if !ok || len(o.args) < 2 {
		return 125
	}
	d, ok := duration(o.args[0])
	if !ok {
		p.Errorf("invalid time interval ‘%s’", o.args[0])
		return 125
	}
	sig := 15
	if s, has := o.get("s", "signal"); has {
		if sig, ok = kernel.SignalNumber(s); !ok {
			p.Errorf("%s: invalid signal", s)
			return 125
		}
	}
	q, err := p.Start(kernel.Child{Argv: o.args[1:]})
	if err != nil {
		return 125
	}
	p.Handle(func(s int) bool { q.Signal(s); return s != 9 })
	var after <-chan time.Time
	if d > 0 {
		after = time.After(d)
	}
	select {
	case <-q.Done():
		return q.Status()
	case <-p.Context().Done():
		return 137
	case <-after:
	}
	q.Signal(sig)
	if k, has := o.get("k", "kill-after"); has {
		if kd, ok := duration(k); ok {
			select {
			case <-q.Done():
			case <-time.After(kd):
				q.Signal(9)
				p.Wait(q)
				return 137
			}
		}
	}
	st := p.Wait(q)
	if o.has("preserve-status") {
		return st
	}
	if sig == 9 {
		return 137
	}
	return 124
}

func env(p *proc, args []string) int {
	o, ok := parseOpts(p, args, "iu:0S:C:", "ignore-environment unset= null split-string= chdir=", false)
	if !ok {
		return 125
	}
	rest := o.args
	if s, has := o.get("S", "split-string"); has {
		rest = append(strings.Fields(s), rest...)
	}
	envs := p.Env
	if o.has("i", "ignore-environment") || len(rest) > 0 && rest[0] == "-" {
		envs = nil
		if len(rest) > 0 && rest[0] == "-" {
			rest = rest[1:]
		}
	}
	envs = append([]string(nil), envs...)
	drop := func(k string) {
		for i := 0; i < len(envs); i++ {
			if strings.HasPrefix(envs[i], k+"=") {
				envs = append(envs[:i], envs[i+1:]...)
				i--
			}
		}
	}
	for _, u := range append(o.all["u"], o.all["unset"]...) {
		drop(u)
	}
	for len(rest) > 0 && strings.Contains(rest[0], "=") {
		k, _, _ := strings.Cut(rest[0], "=")
		drop(k)
		envs, rest = append(envs, rest[0]), rest[1:]
	}
	if d, has := o.get("C", "chdir"); has {
		if err := p.Chdir(d); err != nil {
			p.Errorf("cannot change directory to %s: %s", q(d), kernel.Reason(err))
			return 125
		}
	}
	p.Env = envs
	if len(rest) == 0 {
		for _, e := range envs {
			p.Printf("%s\n", e)
		}
		return 0
	}
	return p.Exec(rest)
}

func printenv(p *proc, args []string) int {
	if len(args) == 1 {
		for _, e := range p.Env {
			p.Printf("%s\n", e)
		}
		return 0
	}
	st := 0
	for _, k := range args[1:] {
		if v, ok := p.LookupEnv(k); ok {
			p.Printf("%s\n", v)
		} else {
			st = 1
		}
	}
	return st
}

func nice(p *proc, args []string) int {
	o, ok := parseOpts(p, args, "n:", "adjustment=", false)
	if !ok || len(o.args) == 0 {
		return 125
	}
	return p.Exec(o.args)
}

func chroot(p *proc, args []string) int {
	if len(args) > 2 && (args[1] == "/" || args[1] == "/.") {
		return p.Exec(args[2:])
	}
	return nil1(p, args)
}

func xargs(p *proc, args []string) int {
	o, ok := parseOpts(p, args, "0n:I:rtP:L:d:", "null max-args= no-run-if-empty max-procs= replace?", false)
	if !ok {
		return 1
	}
	b, err := io.ReadAll(p.Stdin)
	if err != nil {
		return 1
	}
	var items []string
	switch d, has := o.get("d"); {
	case o.has("0", "null"):
		items = strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
	case has:
		d = strings.NewReplacer(`\n`, "\n", `\0`, "\x00", `\t`, "\t").Replace(d)
		items = strings.Split(strings.TrimSuffix(string(b), d), d)
	case o.has("I", "L"):
		items = lines(b)
	default:
		items = xargsWords(string(b))
	}
	if len(b) == 0 {
		items = nil
	}
	cmd := o.args
	if len(cmd) == 0 {
		cmd = []string{"echo"}
	}
	if len(items) == 0 {
		if o.has("r", "no-run-if-empty", "I") {
			return 0
		}
		return p.Call(cmd...)
	}
	per := len(items)
	if n, has := o.get("n", "max-args"); has {
		per, _ = strconv.Atoi(n)
	}
	repl, one := o.get("I")
	if one || o.has("L") {
		per = 1
	}
	st := 0
	for len(items) > 0 && p.Context().Err() == nil {
		k := min(max(1, per), len(items))
		argv := append(append([]string{}, cmd...), items[:k]...)
		if one {
			argv = nil
			for _, c := range cmd {
				argv = append(argv, strings.ReplaceAll(c, repl, items[0]))
			}
		}
		items = items[k:]
		s := xargsRun(p, argv)
		switch {
		case s == 126 || s == 127:
			return s
		case s == 255:
			return 124
		case s != 0:
			st = 123
		}
	}
	return st
}

func xargsRun(p *proc, argv []string) int {
	c, err := p.Start(kernel.Child{Argv: argv, NullIn: true})
	if err != nil {
		return 126
	}
	return p.Wait(c)
}

func xargsWords(s string) []string {
	var out []string
	var b strings.Builder
	in, quoteCh := false, byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quoteCh != 0:
			if c == quoteCh {
				quoteCh = 0
			} else {
				b.WriteByte(c)
			}
		case c == '\'' || c == '"':
			quoteCh, in = c, true
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
			in = true
		case c == ' ' || c == '\n' || c == '\t':
			if in {
				out = append(out, b.String())
				b.Reset()
			}
			in = false
		default:
			b.WriteByte(c)
			in = true
		}
	}
	if in {
		out = append(out, b.String())
	}
	return out
}

func yes(p *proc, args []string) int {
	s := "y"
	if len(args) > 1 {
		s = strings.Join(args[1:], " ")
	}
	w := bufio.NewWriter(p.Stdout)
	for p.Context().Err() == nil {
		if _, err := w.WriteString(s + "\n"); err != nil {
			return 1
		}
	}
	return 1
}

func which(p *proc, args []string) int {
	st := 0
	for _, a := range args[1:] {
		if a == "-a" || a == "-s" {
			continue
		}
		full, err := p.LookPath(a, p.Getenv("PATH"))
		if err != nil {
			st = 1
			continue
		}
		p.Printf("%s\n", full)
	}
	return st
}

func psColumn(p *proc, c *kernel.Proc, col string) string {
	cmdline := strings.Join(c.Args, " ")
	if cmdline == "" {
		cmdline = "[" + c.Comm() + "]"
	}
	switch col {
	case "pid", "lwp", "tid":
		return strconv.Itoa(c.Pid)
	case "ppid":
		return strconv.Itoa(c.PPID())
	case "pgid", "pgrp":
		return strconv.Itoa(c.PGID())
	case "sid", "sess", "session":
		return strconv.Itoa(c.SID())
	case "user", "uname", "euser", "ruser":
		return p.UserName(c.UID())
	case "uid", "euid":
		return strconv.Itoa(c.UID())
	case "comm", "ucmd":
		return c.Comm()
	case "args", "cmd", "command":
		return cmdline
	case "stat", "state", "s":
		return "S"
	case "tty", "tt":
		return "?"
	case "time", "cputime":
		return "00:00:00"
	case "etimes":
		return strconv.Itoa(int(time.Since(c.Started()).Seconds()))
	case "etime":
		s := int(time.Since(c.Started()).Seconds())
		return fmt.Sprintf("%02d:%02d", s/60, s%60)
	case "lstart":
		return c.Started().UTC().Format("Mon Jan _2 15:04:05 2006")
	case "rss", "vsz":
		return "2048"
	case "pcpu", "%cpu", "pmem", "%mem":
		return "0.0"
	case "ni":
		return "0"
	case "cgroup":
		return "0::/" + c.Cgroup()
	case "unit":
		return c.Unit
	}
	return "-"
}

func ps(p *proc, args []string) int {
	cols := []string{"pid", "tty", "time", "comm"}
	all, header := false, true
	var pids map[int]bool
	for i := 1; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "-o" || a == "o" || a == "-eo" || a == "-Ao" || a == "-axo" || a == "axo" || a == "--format":
			all = all || strings.ContainsAny(a, "eAx")
			if i+1 < len(args) {
				i++
				cols, header = psFormat(args[i])
			}
		case strings.HasPrefix(a, "-o"):
			cols, header = psFormat(a[2:])
		case a == "-p" || a == "--pid":
			pids = map[int]bool{}
			if i+1 < len(args) {
				i++
				for _, s := range strings.FieldsFunc(args[i], func(r rune) bool { return r == ',' || r == ' ' }) {
					n, _ := strconv.Atoi(s)
					pids[n] = true
				}
			}
		case a == "--no-headers" || a == "--no-heading" || a == "h":
			header = false
		case a == "-w" || a == "-ww" || a == "ww" || a == "www":
		case strings.Trim(a, "-") == "ef" || strings.Trim(a, "-") == "eF":
			all, cols = true, []string{"user", "pid", "ppid", "pcpu", "etime", "tty", "time", "args"}
		case strings.HasPrefix(strings.Trim(a, "-"), "aux"):
			all, cols = true, []string{"user", "pid", "%cpu", "%mem", "vsz", "rss", "tty", "stat", "etime", "time", "args"}
		case strings.Trim(a, "-") == "e" || strings.Trim(a, "-") == "A" || strings.Trim(a, "-") == "ax":
			all = true
		}
	}
	if header {
		for i, c := range cols {
			if i > 0 {
				p.Printf(" ")
			}
			p.Printf("%8s", strings.ToUpper(c))
		}
		p.Printf("\n")
	}
	hit := false
	for _, c := range p.M.Procs() {
		if pids != nil && !pids[c.Pid] || pids == nil && !all && c.SID() != p.SID() {
			continue
		}
		hit = true
		for i, col := range cols {
			v := psColumn(p, c, col)
			if i > 0 {
				p.Printf(" ")
			}
			if i == len(cols)-1 || len(cols) == 1 && !header {
				p.Printf("%s", v)
			} else {
				p.Printf("%8s", v)
			}
		}
		p.Printf("\n")
	}
	if !hit {
		return 1
	}
	return 0
}

func psFormat(s string) (cols []string, header bool) {
	header = true
	for _, c := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		name, title, has := strings.Cut(c, "=")
		if has && title == "" {
			header = false
		}
		name, _, _ = strings.Cut(name, ":")
		cols = append(cols, name)
	}
	return cols, header
}

func pgrep(p *proc, args []string) int {
	isKill := path.Base(args[0]) == "pkill"
	sig := 15
	if isKill {
		var kept []string
		for _, a := range args {
			if len(a) > 1 && a[0] == '-' && len(kept) > 0 {
				if n, ok := kernel.SignalNumber(a[1:]); ok {
					sig = n
					continue
				}
			}
			kept = append(kept, a)
		}
		args = kept
	}
	o, ok := parse(p, args, "fxaloncu:P:s:g:U:", "full exact parent= signal= list-name list-full oldest newest count uid= session=")
	if !ok {
		return 2
	}
	if s, has := o.get("signal"); has {
		sig, _ = kernel.SignalNumber(s)
	}
	var re *regexp.Regexp
	if len(o.args) > 0 {
		var err error
		pat := o.args[0]
		if o.has("x", "exact") {
			pat = "^(" + pat + ")$"
		}
		if re, err = regexp.Compile(pat); err != nil {
			p.Errorf("%v", err)
			return 2
		}
	}
	var hits []*kernel.Proc
	for _, c := range p.M.Procs() {
		if c == p {
			continue
		}
		text := c.Comm()
		if o.has("f", "full") {
			text = strings.Join(c.Args, " ")
		}
		in := func(opt []string, val int) bool {
			for _, o := range opt {
				for _, s := range strings.Split(o, ",") {
					if n, err := strconv.Atoi(s); err == nil && n == val {
						return true
					}
				}
			}
			return len(opt) == 0
		}
		if re != nil && !re.MatchString(text) || !in(append(o.all["P"], o.all["parent"]...), c.PPID()) || !in(append(o.all["s"], o.all["session"]...), c.SID()) || !in(o.all["g"], c.PGID()) {
			continue
		}
		if u, has := o.get("u", "U", "uid"); has && p.UserName(c.UID()) != u && strconv.Itoa(c.UID()) != u {
			continue
		}
		hits = append(hits, c)
	}
	if o.has("o", "oldest") && len(hits) > 1 {
		hits = hits[:1]
	}
	if o.has("n", "newest") && len(hits) > 1 {
		hits = hits[len(hits)-1:]
	}
	for _, c := range hits {
		switch {
		case isKill:
			c.Signal(sig)
		case o.has("c", "count"):
		case o.has("a", "list-full"):
			p.Printf("%d %s\n", c.Pid, strings.Join(c.Args, " "))
		case o.has("l", "list-name"):
			p.Printf("%d %s\n", c.Pid, c.Comm())
		default:
			p.Printf("%d\n", c.Pid)
		}
	}
	if o.has("c", "count") {
		p.Printf("%d\n", len(hits))
	}
	if len(hits) == 0 {
		return 1
	}
	return 0
}

func killall(p *proc, args []string) int {
	sig, st := 15, 1
	for _, a := range args[1:] {
		if strings.HasPrefix(a, "-") {
			if n, ok := kernel.SignalNumber(a[1:]); ok {
				sig = n
			}
			continue
		}
		for _, c := range p.M.Procs() {
			if c.Comm() == a {
				c.Signal(sig)
				st = 0
			}
		}
	}
	return st
}

func pidof(p *proc, args []string) int {
	var out []string
	for _, a := range args[1:] {
		for _, c := range p.M.Procs() {
			if c.Comm() == path.Base(a) {
				out = append([]string{strconv.Itoa(c.Pid)}, out...)
			}
		}
	}
	if len(out) == 0 {
		return 1
	}
	p.Printf("%s\n", strings.Join(out, " "))
	return 0
}

// su is su and runuser.
func su(p *proc, args []string) int {
	name := path.Base(args[0])
	o, ok := parseOpts(p, args, "lc:s:u:mpg:P", "login command= shell= user= preserve-environment group= pty", name == "su" || !contains(args, "-u"))
	if !ok {
		return 1
	}
	login := o.has("l", "login")
	rest := o.args
	user, hasUser := o.get("u", "user")
	if len(rest) > 0 && rest[0] == "-" {
		login, rest = true, rest[1:]
	}
	if !hasUser {
		user = "root"
		if len(rest) > 0 {
			user, rest = rest[0], rest[1:]
		}
	}
	u, found := p.LookupUser(user)
	if !found {
		p.Errorf("user %s does not exist or the user entry does not contain all the required fields", user)
		return 1
	}
	if p.UID() != 0 {
		p.Errorf("Authentication failure")
		return 1
	}
	argv := rest
	if !hasUser || len(rest) == 0 {
		shell, has := o.get("s", "shell")
		if !has {
			shell = u.Shell
		}
		if shell == "" {
			shell = "/bin/sh"
		}
		argv = []string{shell}
		if c, has := o.get("c", "command"); has {
			argv = append(argv, "-c", c)
		}
		argv = append(argv, rest...)
	}
	envs := userEnv(p, u, login, !o.has("m", "p", "preserve-environment"))
	c := kernel.Child{Argv: argv, Env: envs, User: &u}
	if login {
		if i, err := p.View().Stat(u.Home); err == nil && i.IsDir() {
			c.Cwd = u.Home
		}
	}
	child, err := p.Start(c)
	if err != nil {
		return 126
	}
	return p.Wait(child)
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func userEnv(p *proc, u kernel.User, login, home bool) []string {
	var out []string
	for _, e := range p.Env {
		k, _, _ := strings.Cut(e, "=")
		if login && k != "TERM" || home && (k == "HOME" || k == "USER" || k == "LOGNAME" || k == "SHELL") {
			continue
		}
		out = append(out, e)
	}
	if login {
		out = append(out, "PATH="+kernel.DefaultPath)
	}
	if home || login {
		out = append(out, "HOME="+u.Home, "USER="+u.Name, "LOGNAME="+u.Name, "SHELL="+u.Shell)
	}
	return out
}

func sudo(p *proc, args []string) int {
	o, ok := parseOpts(p, args, "u:HEnig:Sk", "user= preserve-env? non-interactive login set-home", false)
	if !ok || len(o.args) == 0 {
		return 1
	}
	user, has := o.get("u", "user")
	if !has {
		user = "root"
	}
	u, found := p.LookupUser(user)
	if !found {
		p.Errorf("unknown user %s", user)
		return 1
	}
	rest := o.args
	envs := userEnv(p, u, false, true)
	for len(rest) > 1 && strings.Contains(rest[0], "=") {
		envs, rest = append(envs, rest[0]), rest[1:]
	}
	child, err := p.Start(kernel.Child{Argv: rest, Env: envs, User: &u})
	if err != nil {
		return 1
	}
	return p.Wait(child)
}
