package coreutils

import (
	"io"
	"os"
	"strconv"
	"strings"
)

func cat(p *proc, args []string) int {
	o, ok := parse(p, args, "nu", "number")
	if !ok {
		return 1
	}
	n := 0
	return inputs(p, o.args, func(_ string, r io.Reader) error {
		if !o.has("n", "number") {
			_, err := io.Copy(p.Stdout, r)
			return err
		}
		b, err := io.ReadAll(r)
		for l := range strings.Lines(string(b)) {
			n++
			p.Printf("%6d\t%s", n, l)
		}
		return err
	})
}

func truncate(p *proc, args []string) int {
	o, ok := parse(p, args, "s:c", "size= no-create")
	if !ok {
		return 1
	}
	s, has := o.get("s", "size")
	if !has {
		p.Errorf("you must specify either ‘--size’ or ‘--reference’")
		return 1
	}
	n, err := parseSize(s)
	if err != nil || n < 0 || strings.HasPrefix(s, "+") {
		return refuse(p, "the size "+q(s))
	}
	if len(o.args) == 0 {
		return missing(p)
	}
	for _, f := range o.args {
		if _, err := p.View().Stat(f); err != nil && o.has("c", "no-create") {
			continue
		}
		if err := p.View().Truncate(f, n); err != nil {
			return fail(p, "cannot open "+q(f)+" for writing", err)
		}
	}
	return 0
}

func parseSize(s string) (int64, error) {
	mult := int64(1)
	for suffix, m := range map[string]int64{"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "k": 1 << 10, "KB": 1000, "MB": 1000000, "KiB": 1 << 10, "MiB": 1 << 20} {
		if t, ok := strings.CutSuffix(s, suffix); ok {
			if _, err := strconv.Atoi(t); err == nil {
				s, mult = t, m
			}
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n * mult, err
}

func unlink(p *proc, args []string) int {
	if len(args) > 2 {
		p.Errorf("extra operand %s", q(args[2]))
		return 1
	}
	for _, f := range args[1:] {
		if strings.HasPrefix(f, "-") {
			continue
		}
		if err := p.View().Remove(f); err != nil {
			return fail(p, "cannot unlink "+q(f), err)
		}
	}
	return 0
}

func tee(p *proc, args []string) int {
	o, ok := parse(p, args, "ai", "append ignore-interrupts")
	if !ok {
		return 1
	}
	out := []io.Writer{p.Stdout}
	st := 0
	for _, f := range o.args {
		flag := os.O_TRUNC
		if o.has("a", "append") {
			flag = os.O_APPEND
		}
		h, err := p.View().Open(f, os.O_WRONLY|os.O_CREATE|flag, 0o666)
		if err != nil {
			st = fail(p, f, err)
			continue
		}
		defer h.Close()
		out = append(out, h)
	}
	if _, err := io.Copy(io.MultiWriter(out...), p.Stdin); err != nil {
		return 1
	}
	return st
}
