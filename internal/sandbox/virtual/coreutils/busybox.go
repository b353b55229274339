package coreutils

import (
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// The programs of an Alpine guest are busybox's. They have fewer options than GNU's, and
// other exit statuses. A template's script that works in a virtual guest must not fail in a
// real one. TestBusyboxAlike compares them (testdata/busybox_differs.txt: what is left).

type busyboxKey struct{}

// onBusybox reports whether the guest's small programs are busybox's.
func onBusybox(p *proc) bool {
	return p.M.Value(busyboxKey{}, func() any {
		_, err := (&fsys.View{FS: p.M.FS, Cwd: "/"}).Stat("/etc/alpine-release")
		return err == nil
	}).(bool)
}

// trouble is the exit status of a program that could not do its work.
func trouble(p *proc) int {
	if onBusybox(p) {
		return 1
	}
	return 2
}

// shortOnly are the programs that have no long option in busybox, but for grep's --color.
var shortOnly = strings.Fields(`base64 basename cat cmp cut grep head id paste seq sha1sum sha256sum sha512sum md5sum
	sort stat tail timeout tr truncate uniq wc`)

// gnuOnly are further options that busybox's programs lack.
var gnuOnly = map[string]string{
	"chown": "reference", "date": "rfc-3339 rfc-email", "df": "output", "du": "apparent-size", "env": "C S chdir split-string",
	"grep": "P U", "ls": "time-style", "mktemp": "suffix", "ps": "p no-headers", "rm": "force", "setsid": "w", "xargs": "L d max-args",
}

// lacks reports whether the guest's program does not know an option that GNU's knows, and
// says so.
func lacks(p *proc, program, option string) bool {
	known := len(option) == 1 || option == "color" || !slices.Contains(shortOnly, program)
	if known && !slices.Contains(strings.Fields(gnuOnly[program]), option) || !onBusybox(p) {
		return false
	}
	p.Errorf("unrecognized option: %s", option)
	return true
}

// oneStatus are the programs that end with 1 in busybox, whatever went wrong.
var oneStatus = []string{"gunzip", "gzip", "ls", "sed", "tar"}

// withStatus makes a program end as busybox's does in an Alpine guest.
func withStatus(run kernel.Command) kernel.Command {
	return func(p *proc, args []string) int {
		st := run(p, args)
		if st > 1 && st < 128 && onBusybox(p) { // above it, a signal ended the program
			return 1
		}
		return st
	}
}
