package coreutils

import (
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

type sedAddr struct {
	line int // 0: none
	last bool
	re   *regexp.Regexp
	plus int
}

type sedCmd struct {
	a, b   *sedAddr
	not    bool
	active bool
	end    int
	op     byte
	re     *regexp.Regexp
	text   string
	global bool
	print  bool
	nth    int
	label  string
	block  []*sedCmd
	from   string
	to     string
}

func sed(p *proc, args []string) int {
	norm, suffix, inPlace := sedInPlace(args)
	o, ok := parse(p, norm, "nrEe:f:", "quiet silent regexp-extended expression= file=")
	if !ok {
		return 1
	}
	script := strings.Join(append(o.all["e"], o.all["expression"]...), "\n")
	if f, has := o.get("f", "file"); has {
		b, st := readAll(p, []string{f})
		if st != 0 {
			return 1
		}
		script = strings.TrimPrefix(script+"\n"+string(b), "\n")
	} else if script == "" && !o.has("e", "expression") {
		if len(o.args) == 0 {
			p.Errorf("no script specified")
			return 1
		}
		script, o.args = o.args[0], o.args[1:]
	}
	parsed := func() ([]*sedCmd, *sedParser) {
		sp := &sedParser{s: script, ext: o.has("r", "E", "regexp-extended")}
		return sp.commands(false), sp
	}
	cmds, sp := parsed()
	if sp.err == nil {
		sp.err = sedLabels(cmds, cmds)
	}
	if sp.err != nil {
		p.Errorf("-e expression #1, char %d: %v", sp.i, sp.err)
		return 1
	}
	quiet := o.has("n", "quiet", "silent") || sp.quiet
	if !inPlace {
		b, st := sedRead(p, o.args)
		out, code := sedRun(cmds, b, quiet)
		return put(p, out, max(st, code))
	}
	st := 0
	for _, f := range o.args {
		cmds, _ := parsed() // ranges begin anew in each file
		st = max(st, sedEdit(p, f, suffix, func(b []byte) ([]byte, int) { return sedRun(cmds, b, quiet) }))
	}
	return st
}

// sedLabels reports a branch to a label that no command at the top has.
func sedLabels(cmds, top []*sedCmd) error {
	for _, c := range cmds {
		if strings.IndexByte("btT", c.op) >= 0 && c.label != "" && after(top, c.label) == nil {
			return fmt.Errorf("sandbox: the label %s, which is in a block or nowhere,"+kernel.NotHere, c.label)
		}
		if err := sedLabels(c.block, top); err != nil {
			return err
		}
	}
	return nil
}

// sedInPlace takes -i with its optional suffix out of the options.
func sedInPlace(args []string) (rest []string, suffix string, inPlace bool) {
	for i, a := range args {
		long := a == "--in-place" || strings.HasPrefix(a, "--in-place=")
		if i == 0 || !long && !strings.HasPrefix(a, "-i") {
			rest = append(rest, a)
			continue
		}
		inPlace = true
		suffix = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(a, "--in-place"), "="), "-i")
	}
	return rest, suffix, inPlace
}

// sedRead reads all inputs as one. A file without an end of line gets one if another
// follows.
func sedRead(p *proc, names []string) ([]byte, int) {
	var all []byte
	st := 0
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		r, err := open(p, name)
		var b []byte
		if err == nil {
			b, err = io.ReadAll(r)
			r.Close()
		}
		if err != nil {
			p.Errorf("can't read %s: %s", name, kernel.Reason(err))
			st = 2
			continue
		}
		if len(all) > 0 && all[len(all)-1] != '\n' {
			all = append(all, '\n')
		}
		all = append(all, b...)
	}
	return all, st
}

// sedEdit edits one file. A link is replaced by a file of its own, as sed does.
func sedEdit(p *proc, name, suffix string, edit func([]byte) ([]byte, int)) int {
	v := p.View()
	i, err := v.Stat(name)
	var b []byte
	if err == nil && i.IsDir() {
		p.Errorf("couldn't edit %s: not a regular file", name)
		return 4
	}
	if err == nil {
		b, err = v.ReadFile(name)
	}
	if err != nil {
		p.Errorf("can't read %s: %s", name, kernel.Reason(err))
		return 2
	}
	out, code := edit(b)
	if suffix != "" {
		backup := name + suffix
		if strings.Contains(suffix, "*") || strings.Contains(suffix, "/") {
			return refuse(p, "the suffix "+suffix)
		}
		if err := v.WriteFile(backup, b, i.Mode().Perm()); err != nil {
			return fail(p, "couldn't write "+backup, err)
		}
	}
	own, err := v.Lstat(name)
	apart := err == nil && (own.Mode()&fs.ModeSymlink != 0 || own.Links > 1)
	if apart {
		err = v.Remove(name)
	}
	if err == nil {
		err = v.WriteFile(name, out, i.Mode().Perm())
	}
	if err == nil && apart && v.UID == 0 {
		err = v.Chown(name, i.UID, i.GID, false)
	}
	if err != nil {
		return fail(p, "couldn't write "+name, err)
	}
	return code
}
