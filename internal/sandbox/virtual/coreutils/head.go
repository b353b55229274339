package coreutils

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// oldCount turns -5 into -n 5.
func oldCount(args []string) []string {
	out := append([]string{}, args...)
	for i, a := range out {
		value := i > 1 && (out[i-1] == "-n" || out[i-1] == "-c")
		if i > 0 && !value && len(a) > 1 && a[0] == '-' && a[1] >= '0' && a[1] <= '9' {
			out[i] = "-n" + a[1:]
		}
	}
	return out
}

// titles prints the name above each of several files.
func titles(p *proc, o *options) func(name string) {
	first := true
	return func(name string) {
		if len(o.args) < 2 || o.has("q", "quiet") {
			return
		}
		if !first {
			p.Printf("\n")
		}
		first = false
		p.Printf("==> %s <==\n", name)
	}
}

func head(p *proc, args []string) int {
	o, ok := parse(p, oldCount(args), "n:c:q", "lines= bytes= quiet")
	if !ok {
		return 1
	}
	if s, has := o.get("c", "bytes"); has {
		n, err := parseSize(s)
		if err != nil {
			p.Errorf("invalid number of bytes: ‘%s’", s)
			return 1
		}
		return inputs(p, o.args, func(_ string, r io.Reader) error {
			if n < 0 {
				b, err := io.ReadAll(r)
				put(p, b[:max(0, len(b)+int(n))], 0)
				return err
			}
			_, err := io.Copy(p.Stdout, io.LimitReader(r, n))
			return err
		})
	}
	n := 10
	if s, has := o.get("n", "lines"); has {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			p.Errorf("invalid number of lines: ‘%s’", s)
			return 1
		}
	}
	title := titles(p, o)
	return inputs(p, o.args, func(name string, r io.Reader) error {
		title(name)
		if n < 0 {
			b, err := io.ReadAll(r)
			l := bytes.SplitAfter(b, []byte("\n"))
			if len(l[len(l)-1]) == 0 {
				l = l[:len(l)-1]
			}
			put(p, bytes.Join(l[:max(0, len(l)+n)], nil), 0)
			return err
		}
		br := bufio.NewReader(r)
		for range n {
			l, err := br.ReadBytes('\n')
			if put(p, l, 0) != 0 || errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func tail(p *proc, args []string) int {
	o, ok := parse(p, oldCount(args), "n:c:fqF", "lines= bytes= follow quiet")
	if !ok {
		return 1
	}
	follows := o.has("f", "F", "follow")
	if len(o.args) > 0 && len(o.args[0]) > 1 && o.args[0][0] == '+' {
		return refuse(p, o.args[0])
	}
	if follows && len(o.args) != 1 {
		return refuse(p, "-f with "+strconv.Itoa(len(o.args))+" files")
	}
	s, isBytes := o.get("c", "bytes")
	if !isBytes {
		if s, ok = o.get("n", "lines"); !ok {
			s = "10"
		}
	}
	from := strings.HasPrefix(s, "+")
	n64, err := parseSize(strings.TrimLeft(s, "+-"))
	if err != nil {
		p.Errorf("invalid number: ‘%s’", s)
		return 1
	}
	n := int(n64)
	title := titles(p, o)
	st := inputs(p, o.args, func(name string, r io.Reader) error {
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		title(name)
		if isBytes {
			if from {
				b = b[min(len(b), max(0, n-1)):]
			} else {
				b = b[max(0, len(b)-n):]
			}
			_, err = p.Stdout.Write(b)
			return err
		}
		l := bytes.SplitAfter(b, []byte("\n"))
		if len(l[len(l)-1]) == 0 {
			l = l[:len(l)-1]
		}
		if from {
			l = l[min(len(l), max(0, n-1)):]
		} else {
			l = l[max(0, len(l)-n):]
		}
		_, err = p.Stdout.Write(bytes.Join(l, nil))
		return err
	})
	if follows {
		return follow(p, o.args[0])
	}
	return st
}

func follow(p *proc, name string) int {
	var at int64
	if i, err := p.View().Stat(name); err == nil {
		at = i.Size()
	}
	for p.Sleep(50 * time.Millisecond) {
		f, err := p.View().Open(name, os.O_RDONLY, 0)
		if err != nil {
			continue
		}
		var n int64
		if _, err = f.Seek(at, io.SeekStart); err == nil {
			n, err = io.Copy(p.Stdout, f)
		}
		f.Close()
		if at += n; err != nil {
			return 1
		}
	}
	return 1
}

// wcWidth is that of GNU: as wide as the sum of the sizes, 7 for a pipe.
func wcWidth(p *proc, names []string) int {
	var sum int64
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, n := range names {
		if n == "-" {
			size, regular := p.StdinSize()
			if !regular {
				return 7
			}
			sum += size
		} else if i, err := p.View().Stat(n); err == nil && !i.Mode().IsRegular() {
			return 7
		} else if err == nil {
			sum += i.Size()
		}
	}
	return len(strconv.FormatInt(sum, 10))
}

// words counts the words that have at least one printable character.
func words(b []byte) int {
	n, in := 0, false
	for _, c := range b {
		switch {
		case c == ' ' || c >= '\t' && c <= '\r':
			in = false
		case c > ' ' && c != 0x7f && !in:
			n, in = n+1, true
		}
	}
	return n
}

func wc(p *proc, args []string) int {
	o, ok := parse(p, args, "lwcm", "lines words bytes chars")
	if !ok {
		return 1
	}
	l, w, c := o.has("l", "lines"), o.has("w", "words"), o.has("c", "m", "bytes", "chars")
	if !l && !w && !c {
		l, w, c = true, true, true
	}
	one := l != w != c && !(l && w && c)
	width := wcWidth(p, o.args)
	if onBusybox(p) {
		width = 9
	}
	row := func(name string, nl, nw, nc int) {
		var f []string
		for _, x := range []struct {
			on bool
			n  int
		}{{l, nl}, {w, nw}, {c, nc}} {
			if x.on {
				if one && len(o.args) < 2 {
					f = append(f, strconv.Itoa(x.n))
				} else {
					f = append(f, fmt.Sprintf("%*d", width, x.n))
				}
			}
		}
		if len(o.args) > 0 {
			f = append(f, name)
		}
		p.Printf("%s\n", strings.Join(f, " "))
	}
	var tl, tw, tc int
	for _, name := range o.args {
		if i, err := p.View().Stat(name); err == nil && i.IsDir() {
			refuse(p, "to count a folder, "+name+",")
			return 1
		}
	}
	st := inputs(p, o.args, func(name string, r io.Reader) error {
		b, err := io.ReadAll(r)
		nl, nw := bytes.Count(b, []byte("\n")), words(b)
		tl, tw, tc = tl+nl, tw+nw, tc+len(b)
		row(name, nl, nw, len(b))
		return err
	})
	if len(o.args) > 1 {
		row("total", tl, tw, tc)
	}
	return st
}
