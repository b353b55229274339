package coreutils

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// psTitles are the columns with their titles.
var psTitles = map[string]string{"pid": "PID", "ppid": "PPID", "pgid": "PGID", "pgrp": "PGRP", "sid": "SID", "sess": "SESS", "user": "USER", "uid": "UID", "euid": "EUID", "euser": "EUSER",
	"comm": "COMMAND", "args": "COMMAND", "cmd": "CMD", "command": "COMMAND", "stat": "STAT", "s": "S", "tty": "TT", "tt": "TT", "time": "TIME", "etimes": "ELAPSED", "etime": "ELAPSED",
	"lstart": "STARTED", "cgroup": "CGROUP", "unit": "UNIT"}

func psColumn(p *proc, c *kernel.Proc, col string) string {
	cmdline := strings.Join(c.Args(), " ")
	if cmdline == "" {
		cmdline = "[" + c.Comm() + "]"
	}
	switch col {
	case "pid":
		return strconv.Itoa(c.Pid)
	case "ppid":
		return strconv.Itoa(c.PPID())
	case "pgid", "pgrp":
		return strconv.Itoa(c.PGID())
	case "sid", "sess":
		return strconv.Itoa(c.SID())
	case "user", "euser":
		return p.UserName(c.UID())
	case "uid", "euid":
		return strconv.Itoa(c.UID())
	case "comm":
		return c.Comm()
	case "args", "cmd", "command":
		return cmdline
	case "stat", "s":
		return "S"
	case "tty", "tt":
		return c.TTYName()
	case "time":
		return "00:00:00"
	case "etimes":
		return strconv.Itoa(int(time.Since(c.Started()).Seconds()))
	case "etime":
		s := int(time.Since(c.Started()).Seconds())
		return fmt.Sprintf("%02d:%02d", s/60, s%60)
	case "lstart":
		return c.Started().UTC().Format("Mon Jan _2 15:04:05 2006")
	case "cgroup":
		return "0::/" + c.Cgroup()
	case "unit":
		return c.Unit()
	}
	return "-"
}

// psRequest holds the options of ps.
type psRequest struct {
	cols   []string
	titles []string
	all    bool
	pids   map[int]bool // nil: not by number
	header bool
}

func ps(p *proc, args []string) int {
	r, lacks := psOptions(args[1:])
	if lacks != "" {
		return refuse(p, lacks)
	}
	row := func(cells []string) {
		for i, s := range cells {
			if i == len(cells)-1 {
				p.Printf("%s\n", s)
			} else {
				p.Printf("%8s ", s)
			}
		}
	}
	if r.header {
		row(r.titles)
	}
	hit := false
	for _, c := range p.M.Procs() {
		if r.pids != nil && !r.pids[c.Pid] || r.pids == nil && !r.all && c.SID() != p.SID() {
			continue
		}
		hit = true
		var cells []string
		for _, col := range r.cols {
			cells = append(cells, psColumn(p, c, col))
		}
		row(cells)
	}
	if !hit {
		return 1
	}
	return 0
}

// psOptions reads the options. The second result names one that ps lacks.
func psOptions(args []string) (r psRequest, lacks string) {
	r.header = true
	format := ""
	for i := 0; i < len(args); i++ {
		a := args[i]
		value := func() string {
			if i++; i < len(args) {
				return args[i]
			}
			return ""
		}
		switch a {
		case "-o", "o", "-eo", "-Ao", "-axo", "axo", "--format":
			r.all = r.all || strings.ContainsAny(a, "eAx")
			format += "," + value()
		case "-p", "--pid", "p":
			r.pids = map[int]bool{}
			for _, s := range strings.FieldsFunc(value(), func(c rune) bool { return c == ',' || c == ' ' }) {
				n, err := strconv.Atoi(s)
				if err != nil {
					return r, "the process " + q(s)
				}
				r.pids[n] = true
			}
		case "--no-headers", "--no-heading", "h":
			r.header = false
		case "-w", "-ww", "ww", "www", "w":
		case "-ef":
			r.all, r.cols, r.titles = true, []string{"user", "pid", "ppid", "etime", "tty", "time", "args"}, []string{"UID", "PID", "PPID", "STIME", "TTY", "TIME", "CMD"}
		case "aux", "-aux", "auxw", "auxww":
			r.all, r.cols, r.titles = true, []string{"user", "pid", "tty", "stat", "etime", "time", "args"}, []string{"USER", "PID", "TTY", "STAT", "START", "TIME", "COMMAND"}
		case "-e", "-A", "ax", "-ax":
			r.all = true
		default:
			text, ok := strings.CutPrefix(a, "-o")
			if !ok {
				return r, a
			}
			format += "," + text
		}
	}
	if format != "" {
		return r, r.format(format)
	}
	if r.cols == nil {
		r.cols, r.titles = []string{"pid", "tty", "time", "comm"}, []string{"PID", "TTY", "TIME", "CMD"}
	}
	return r, ""
}

// format reads -o: columns, each with a title behind = if it has another. Without any
// title there is no header.
func (r *psRequest) format(s string) (lacks string) {
	r.cols, r.titles = nil, nil
	titled := false
	for _, c := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		name, title, has := strings.Cut(c, "=")
		name, _, _ = strings.Cut(name, ":")
		if psTitles[name] == "" {
			return "the column " + name
		}
		if !has {
			title = psTitles[name]
		}
		titled = titled || title != ""
		r.cols, r.titles = append(r.cols, name), append(r.titles, title)
	}
	r.header = r.header && titled
	return ""
}
