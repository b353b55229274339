package coreutils

import (
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// modeString is the first column of ls -l.
func modeString(m fs.FileMode) string {
	b := []byte("----------")
	switch {
	case m&fs.ModeSymlink != 0:
		b[0] = 'l'
	case m.IsDir():
		b[0] = 'd'
	case m&fs.ModeNamedPipe != 0:
		b[0] = 'p'
	case m&fs.ModeCharDevice != 0:
		b[0] = 'c'
	case m&fs.ModeSocket != 0:
		b[0] = 's'
	}
	copy(b[1:], m.Perm().String()[1:])
	special := func(i int, on bool, x, noX byte) {
		if on {
			if b[i] == 'x' {
				b[i] = x
			} else {
				b[i] = noX
			}
		}
	}
	special(3, m&fs.ModeSetuid != 0, 's', 'S')
	special(6, m&fs.ModeSetgid != 0, 's', 'S')
	special(9, m&fs.ModeSticky != 0, 't', 'T')
	return string(b)
}

type lister struct {
	p  *proc
	o  *options
	v  *fsys.View
	at string // the folder that is listed
}

func ls(p *proc, args []string) int {
	o, ok := parse(p, args, "laA1dRrthnFSip", "all almost-all directory color? time-style= full-time human-readable reverse recursive group-directories-first numeric-uid-gid inode")
	if !ok {
		return 2
	}
	if style, has := o.get("time-style"); has && style != "full-iso" && style != "long-iso" && style[:1] != "+" {
		return refuse(p, "--time-style="+style) + 1
	} else if has && style[:1] == "+" {
		if _, lacks := strftime(style[1:], p.M.Now()); lacks != "" {
			return refuse(p, lacks) + 1
		}
	}
	l := &lister{p: p, o: o, v: p.View()}
	names := o.args
	if len(names) == 0 {
		names = []string{"."}
	}
	st := 0
	var files []entry
	var dirs []string
	for _, n := range names {
		i, err := l.v.Lstat(n)
		if err == nil && i.Mode()&fs.ModeSymlink != 0 && !o.has("l", "d", "F") {
			if j, serr := l.v.Stat(n); serr == nil {
				i = j
			}
		} else if err == nil && i.Mode()&fs.ModeSymlink != 0 && strings.HasSuffix(n, "/") {
			i, err = l.v.Stat(n)
		}
		if err != nil {
			p.Errorf("cannot access %s: %s", q(n), kernel.Reason(err))
			st = 2
			continue
		}
		if i.IsDir() && !o.has("d", "directory") {
			dirs = append(dirs, n)
		} else {
			files = append(files, entry{n, i})
		}
	}
	l.sort(files)
	l.print(files, false)
	sort.Strings(dirs)
	for k, d := range dirs {
		if len(names) > 1 || o.has("R", "recursive") {
			if k > 0 || len(files) > 0 {
				p.Printf("\n")
			}
			p.Printf("%s:\n", d)
		}
		if !l.dir(d) {
			st = 2
		}
	}
	return st
}

type entry struct {
	name string
	i    *fsys.Info
}

func (l *lister) dir(d string) bool {
	list, err := l.v.ReadDir(d)
	if err != nil {
		l.p.Errorf("cannot open directory %s: %s", q(d), kernel.Reason(err))
		return false
	}
	var es []entry
	if l.o.has("a", "all") {
		for _, n := range []string{".", ".."} {
			if i, err := l.v.Stat(path.Join(d, n)); err == nil {
				es = append(es, entry{n, i})
			}
		}
	}
	for _, i := range list {
		if !strings.HasPrefix(i.Name(), ".") || l.o.has("a", "A", "all", "almost-all") {
			es = append(es, entry{i.Name(), i})
		}
	}
	l.sort(es)
	l.at = d
	l.print(es, true)
	if l.o.has("R", "recursive") {
		for _, e := range es {
			if e.i.IsDir() && e.name != "." && e.name != ".." {
				sub := path.Join(d, e.name)
				if !strings.HasPrefix(d, "/") && strings.HasPrefix(d, ".") {
					sub = d + "/" + e.name
				}
				l.p.Printf("\n%s:\n", sub)
				l.dir(sub)
			}
		}
	}
	return true
}

func (l *lister) sort(es []entry) {
	sort.SliceStable(es, func(a, b int) bool {
		x, y := es[a], es[b]
		if l.o.has("r", "reverse") {
			x, y = y, x
		}
		switch {
		case l.o.has("t") && !x.i.ModTime().Equal(y.i.ModTime()):
			return x.i.ModTime().After(y.i.ModTime())
		case l.o.has("S") && x.i.Size() != y.i.Size():
			return x.i.Size() > y.i.Size()
		}
		return x.name < y.name
	})
}

func (l *lister) print(es []entry, total bool) {
	long := l.o.has("l", "n", "g", "o", "full-time", "numeric-uid-gid")
	if !long {
		for _, e := range es {
			pre := ""
			if l.o.has("i", "inode") {
				pre = fmt.Sprintf("%d ", e.i.Ino)
			}
			l.p.Printf("%s%s%s\n", pre, e.name, l.suffix(e))
		}
		return
	}
	rows := make([][]string, len(es))
	width := make([]int, 4)
	var blocks int64
	for k, e := range es {
		blocks += (e.i.Size() + 4095) / 4096 * 4
		u, g := l.p.UserName(e.i.UID), l.p.GroupName(e.i.GID)
		if l.o.has("n", "numeric-uid-gid") {
			u, g = strconv.Itoa(e.i.UID), strconv.Itoa(e.i.GID)
		}
		rows[k] = []string{strconv.Itoa(max(1, e.i.Links)), u, g, strconv.FormatInt(e.i.Size(), 10)}
		for c, s := range rows[k] {
			width[c] = max(width[c], len(s))
		}
	}
	if total {
		l.p.Printf("total %d\n", blocks)
	}
	for k, e := range es {
		r := rows[k]
		name := e.name
		if e.i.Mode()&fs.ModeSymlink != 0 {
			if t, err := l.v.Readlink(path.Join(l.at, e.name)); err == nil {
				name += " -> " + t
			}
		}
		left := "%-*s"
		if l.o.has("n", "numeric-uid-gid") {
			left = "%*s"
		}
		l.p.Printf("%s %*s "+left+" "+left+" %*s %s %s%s\n", modeString(e.i.Mode()), width[0], r[0], width[1], r[1], width[2], r[2], width[3], r[3],
			l.when(e.i.ModTime()), name, l.suffix(e))
	}
}

func (l *lister) when(t time.Time) string {
	t = t.UTC()
	style, _ := l.o.get("time-style")
	switch {
	case l.o.has("full-time") || style == "full-iso":
		return t.Format("2006-01-02 15:04:05.000000000 -0700")
	case style == "long-iso":
		return t.Format("2006-01-02 15:04")
	case strings.HasPrefix(style, "+"):
		text, _ := strftime(style[1:], t)
		return text
	case time.Since(t) > 182*24*time.Hour:
		return t.Format("Jan _2  2006")
	}
	return t.Format("Jan _2 15:04")
}

func (l *lister) suffix(e entry) string {
	m := e.i.Mode()
	switch {
	case m.IsDir() && l.o.has("F", "p"):
		return "/"
	case !l.o.has("F"):
	case m&fs.ModeSymlink != 0:
		return "@"
	case m&fs.ModeNamedPipe != 0:
		return "|"
	case m&0o111 != 0:
		return "*"
	}
	return ""
}
