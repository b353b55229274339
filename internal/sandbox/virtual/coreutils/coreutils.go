// Package coreutils has the small programs of a simulated guest, in Go: those
// of coreutils, findutils, grep, sed, tar and procps that scripts live on, with
// their usual options. A program knows its process and nothing else; an option
// that is not there is refused by name, and the line says where the real program is.
//
// The rule: no new applet or option unless a built-in template, a script that infrahaus runs
// in guests, or a user session needs it. testdata/alike.txt has rows of every
// applet: it does what the real program of a Debian machine does, or it refuses an option. TestAppletsAlike (tag e2e, as root) compares them.
package coreutils

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

type proc = kernel.Proc

// Commands are the programs by name.
func Commands() map[string]kernel.Command {
	all := map[string]kernel.Command{}
	for _, m := range []map[string]kernel.Command{fileCommands(), textCommands(), procCommands(), infoCommands(), hashCommands()} {
		maps.Copy(all, m)
	}
	for _, name := range oneStatus {
		all[name] = withStatus(all[name])
	}
	return all
}

// options are a program's options as getopt understands them.
type options struct {
	set  map[string]bool
	val  map[string]string
	all  map[string][]string
	args []string
}

func (o *options) has(names ...string) bool {
	for _, n := range names {
		if o.set[n] {
			return true
		}
	}
	return false
}

func (o *options) get(names ...string) (string, bool) {
	for _, n := range names {
		if v, ok := o.val[n]; ok {
			return v, true
		}
	}
	return "", false
}

// parse reads options: short ones by letter ("f:" takes a value), long ones by
// name ("output=" takes a value, "color?" may). The first that is not known is
// reported, and ok is false. Options may stand behind operands.
func parse(p *proc, args []string, short, long string) (*options, bool) {
	return parseOpts(p, args, short, long, true)
}

func parseOpts(p *proc, args []string, short, long string, permute bool) (*options, bool) {
	o := &options{set: map[string]bool{}, val: map[string]string{}, all: map[string][]string{}}
	longs := map[string]byte{}
	for _, l := range strings.Fields(long) {
		switch l[len(l)-1] {
		case '=', '?':
			longs[l[:len(l)-1]] = l[len(l)-1]
		default:
			longs[l] = 0
		}
	}
	rest := args[1:]
	take := func(name, v string) {
		o.set[name], o.val[name] = true, v
		o.all[name] = append(o.all[name], v)
	}
	for len(rest) > 0 {
		a := rest[0]
		rest = rest[1:]
		switch {
		case a == "--":
			o.args = append(o.args, rest...)
			return o, true
		case strings.HasPrefix(a, "--"):
			name, v, has := strings.Cut(a[2:], "=")
			kind, ok := longs[name]
			if !ok {
				p.Errorf("unsupported option: %s"+kernel.NotHere, a)
				return nil, false
			}
			if lacks(p, args[0], name) {
				return nil, false
			}
			if kind == '=' && !has {
				if len(rest) == 0 {
					p.Errorf("option '%s' requires an argument", a)
					return nil, false
				}
				v, rest = rest[0], rest[1:]
			}
			take(name, v)
		case len(a) > 1 && a[0] == '-':
			for i := 1; i < len(a); i++ {
				k := strings.IndexByte(short, a[i])
				if k < 0 || a[i] == ':' {
					p.Errorf("unsupported option: -%c"+kernel.NotHere, a[i])
					return nil, false
				}
				if lacks(p, args[0], a[i:i+1]) {
					return nil, false
				}
				if k+1 < len(short) && short[k+1] == ':' {
					v := a[i+1:]
					if v == "" {
						if len(rest) == 0 {
							p.Errorf("option requires an argument -- '%c'", a[i])
							return nil, false
						}
						v, rest = rest[0], rest[1:]
					}
					take(string(a[i]), v)
					break
				}
				take(string(a[i]), "")
			}
		default:
			o.args = append(o.args, a)
			if !permute {
				o.args = append(o.args, rest...)
				return o, true
			}
		}
	}
	return o, true
}

// open opens an input; "-" is stdin.
func open(p *proc, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(p.Stdin), nil
	}
	f, err := p.View().Open(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	if i, err := p.View().Stat(name); err == nil && i.IsDir() {
		f.Close()
		return nil, errIsDir
	}
	return f, nil
}

var errIsDir = &dirError{}

type dirError struct{}

func (*dirError) Error() string { return "Is a directory" }

// inputs calls f for each operand, stdin where there is none; the status is 1
// when one could not be read.
func inputs(p *proc, names []string, f func(name string, r io.Reader) error) int {
	if len(names) == 0 {
		names = []string{"-"}
	}
	st := 0
	for _, n := range names {
		r, err := open(p, n)
		if err == nil {
			err = f(n, r)
			r.Close()
		}
		if err != nil {
			if p.Context().Err() != nil {
				return 1
			}
			p.Errorf("%s: %s", n, kernel.Reason(err))
			st = 1
		}
	}
	return st
}

func readAll(p *proc, names []string) ([]byte, int) {
	var b []byte
	st := inputs(p, names, func(_ string, r io.Reader) error {
		x, err := io.ReadAll(r)
		b = append(b, x...)
		return err
	})
	return b, st
}

// lines cuts text into lines without their ends.
func lines(b []byte) []string {
	s := string(b)
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// refuse says that a program lacks an option or a form of it.
func refuse(p *proc, what string) int {
	p.Errorf("sandbox: %s"+kernel.NotHere, what)
	return 1
}

// extra reports an operand too many.
func extra(p *proc, operand string) int {
	p.Errorf("extra operand %s", q(operand))
	return 1
}

func missing(p *proc) int {
	fmt.Fprintf(p.Stderr, "%s: missing operand\n", path.Base(p.Args()[0]))
	return 1
}

// q quotes a name as GNU's messages do.
func q(s string) string { return "'" + s + "'" }

// put prints bytes: the status is st, or 1 when nobody takes them.
func put(p *proc, b []byte, st int) int {
	if _, err := p.Stdout.Write(b); err != nil {
		return max(st, 1)
	}
	return st
}
