package coreutils

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func psColumn(p *proc, c *kernel.Proc, col string) string {
	cmdline := strings.Join(c.Args(), " ")
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
		return c.TTYName()
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
		return c.Unit()
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
