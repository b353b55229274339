package system

import (
	"fmt"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func apt(p *proc, args []string) int {
	quiet, yes := 0, false
	var words []string
	for i := 1; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "-o" || a == "-c" || a == "-t":
			i++
		case strings.HasPrefix(a, "-o") || strings.HasPrefix(a, "--"):
			yes = yes || a == "--yes" || a == "--assume-yes"
		case strings.HasPrefix(a, "-"):
			quiet += strings.Count(a, "q")
			yes = yes || strings.Contains(a, "y")
		default:
			words = append(words, a)
		}
	}
	if len(words) == 0 {
		p.Printf("apt 2.6.1 (amd64)\n")
		return 0
	}
	if p.UID() != 0 {
		fmt.Fprintf(p.Stderr, "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)\nE: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?\n")
		return 100
	}
	say := func(format string, a ...any) {
		if quiet < 2 {
			p.Printf(format, a...)
		}
	}
	switch verb, names := words[0], words[1:]; verb {
	case "update":
		s := of(p)
		if s != nil {
			say("Hit:1 http://deb.debian.org/debian %s InRelease\nReading package lists...\n", s.o.OS.Codename)
		}
		p.Sleep(5 * time.Millisecond)
		e := edits{v: p.View()}
		e.write("/var/lib/apt/lists/virtual_InRelease", "virtual\n", 0o644)
		return aptEnd(p, e.err)
	case "install", "reinstall":
		return aptInstall(p, names, say)
	case "remove", "purge":
		for _, n := range names {
			c := catalogue()[n]
			if s := of(p); s != nil && c.unit != "" {
				_ = s.stop(c.unit) // as prerm does: whether it ran or not
			}
			e := edits{v: p.View()}
			for _, b := range strings.Fields(c.bins) {
				e.remove(b)
			}
			for f := range c.files {
				if strings.HasPrefix(f, "/usr/") || verb == "purge" {
					e.remove(f)
				}
			}
			e.do(func() error { return unrecord(p, n) })
			if e.err != nil {
				return aptEnd(p, e.err)
			}
			say("Removing %s ...\n", n)
		}
		return 0
	case "upgrade", "dist-upgrade", "full-upgrade", "autoremove", "clean", "autoclean", "check", "autopurge":
		say("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
		return 0
	}
	fmt.Fprintf(p.Stderr, "E: Invalid operation %s\n", words[0])
	return 100
}

// aptInstall leaves dpkg's database as a killed dpkg would, when it is killed:
// its journal, and the package at hand half configured.
func aptInstall(p *proc, names []string, say func(string, ...any)) int {
	if interrupted(p) {
		fmt.Fprint(p.Stderr, "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.\n")
		return 100
	}
	cat, have := catalogue(), installed(p)
	var todo []string
	for _, n := range names {
		n, _, _ = strings.Cut(n, "=")
		if have[n] != "" {
			say("%s is already the newest version (%s).\n", n, have[n])
			continue
		}
		if _, ok := cat[n]; !ok {
			fmt.Fprintf(p.Stderr, "E: Unable to locate package %s (the virtual guest knows few packages; all are there with `sandbox serve --driver lxc` or on a Proxmox node)\n", n)
			return 100
		}
		todo = append(todo, n)
	}
	e := edits{v: p.View()}
	if len(todo) > 0 {
		e.write(dpkgJournal, "", 0o644)
	}
	for _, n := range todo {
		say("Selecting previously unselected package %s.\nUnpacking %s ...\nSetting up %s ...\n", n, n, n)
		e.do(func() error { return record(p, n, "1.0-1", halfConfigured) })
		if e.err != nil {
			return aptEnd(p, e.err)
		}
		if !p.Sleep(time.Millisecond) {
			return 100
		}
		if err := unpack(p, n, cat[n]); err != nil {
			fmt.Fprintf(p.Stderr, "dpkg: error processing archive /var/cache/apt/archives/%s_1.0-1_amd64.deb (--unpack):\n", n)
			_ = unrecord(p, n)
			e.remove(dpkgJournal)
			return aptEnd(p, err)
		}
	}
	e.do(func() error { return configure(p, say) })
	return aptEnd(p, e.err)
}

// aptEnd is apt's exit status, with the reason of a failure.
func aptEnd(p *proc, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(p.Stderr, "E: Write error - write (%s)\nE: Sub-process /usr/bin/dpkg returned an error code (1)\n", kernel.Reason(err))
	return 100
}

func aptCache(p *proc, args []string) int {
	if len(args) < 3 {
		return 1
	}
	have, cat := installed(p), catalogue()
	for _, n := range args[2:] {
		_, known := cat[n]
		cand, inst := "(none)", "(none)"
		if known || have[n] != "" {
			cand = "1.0-1"
		}
		if have[n] != "" {
			inst, cand = have[n], have[n]
		}
		if args[1] == "policy" {
			p.Printf("%s:\n  Installed: %s\n  Candidate: %s\n", n, inst, cand)
		} else if cand == "(none)" {
			fmt.Fprintf(p.Stderr, "N: Unable to locate package %s (the virtual guest knows few packages; all are there with `sandbox serve --driver lxc` or on a Proxmox node)\n", n)
			return 100
		} else {
			p.Printf("Package: %s\nVersion: %s\n", n, cand)
		}
	}
	return 0
}

func apk(p *proc, args []string) int {
	var words []string
	e, verbose := false, false
	for i := 1; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-t" || a == "--virtual" || a == "-X" || a == "--repository":
			i++
		case strings.HasPrefix(a, "-"):
			e = e || a == "-e" || a == "--installed"
			verbose = verbose || a == "-v" || a == "--verbose"
		default:
			words = append(words, a)
		}
	}
	if len(words) == 0 {
		return 1
	}
	have, cat := installed(p), catalogue()
	switch words[0] {
	case "update":
		p.Printf("OK: 25000 distinct packages available\n")
	case "info":
		st := 0
		for _, n := range words[1:] {
			n, pin, pinned := strings.Cut(n, "=")
			if have[n] == "" || pinned && pin != have[n] {
				st = 1
			} else if e && verbose {
				p.Printf("%s-%s\n", n, have[n])
			} else if e {
				p.Printf("%s\n", n)
			} else {
				p.Printf("%s-%s description:\n%s\n", n, have[n], n)
			}
		}
		if len(words) == 1 {
			for n := range have {
				p.Printf("%s\n", n)
			}
		}
		return st
	case "add":
		for _, n := range words[1:] {
			n, _, _ = strings.Cut(n, "=")
			if have[n] != "" {
				continue
			}
			c, ok := cat[n]
			if !ok {
				fmt.Fprintf(p.Stderr, "ERROR: unable to select packages:\n  %s (no such package):\n    required by: world[%s]\n(the virtual guest knows few packages; all are there with `sandbox serve --driver lxc` or on a Proxmox node)\n", n, n)
				return 1
			}
			p.Printf("(1/1) Installing %s (1.0-r0)\n", n)
			err := unpack(p, n, c)
			if err == nil {
				err = record(p, n, "1.0-r0", "installed")
			}
			if err != nil {
				fmt.Fprintf(p.Stderr, "ERROR: %s-1.0-r0: %s\n", n, kernel.Reason(err))
				return 1
			}
		}
		p.Printf("OK: 10 MiB in %d packages\n", len(installed(p)))
	case "del":
		for _, n := range words[1:] {
			if err := unrecord(p, n); err != nil {
				fmt.Fprintf(p.Stderr, "ERROR: %s: %s\n", n, kernel.Reason(err))
				return 1
			}
		}
	case "upgrade", "fix", "cache":
	default:
		p.Errorf("sandbox: apk %s"+kernel.NotHere, words[0])
		return 1
	}
	return 0
}
