package coreutils

import (
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
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
	p *proc
	o *options
	v *fsys.View
}

func ls(p *proc, args []string) int {
	o, ok := parse(p, args, "laA1dRrthnFSipsUgoXvkCx", "all almost-all directory color? time-style= full-time human-readable reverse recursive group-directories-first numeric-uid-gid inode")
	if !ok {
		return 2
	}
	l := &lister{p, o, p.View()}
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
			dir := ""
			if total && len(l.o.args) > 0 {
				dir = l.o.args[0]
			}
			if t, err := l.v.Readlink(path.Join(dir, e.name)); err == nil {
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
		return strftime(style[1:], t)
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

func stat(p *proc, args []string) int {
	o, ok := parse(p, args, "c:Lft", "format= printf= dereference file-system terse")
	if !ok {
		return 1
	}
	st, v := 0, p.View()
	for _, f := range o.args {
		i, err := v.Lstat(f)
		if o.has("L", "dereference") {
			i, err = v.Stat(f)
		}
		if err != nil {
			p.Errorf("cannot statx %s: %s", q(f), kernel.Reason(err))
			st = 1
			continue
		}
		format, nl := "  File: %N\n  Size: %s\nAccess: (%04a/%A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\nModify: %y", "\n"
		if s, has := o.get("c", "format"); has {
			format = s
		} else if s, has := o.get("printf"); has {
			format, nl = strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(s), ""
		}
		p.Printf("%s%s", statFormat(p, format, f, i), nl)
	}
	return st
}

func fileType(m fs.FileMode, size int64) string {
	switch {
	case m.IsDir():
		return "directory"
	case m&fs.ModeSymlink != 0:
		return "symbolic link"
	case m&fs.ModeNamedPipe != 0:
		return "fifo"
	case m&fs.ModeCharDevice != 0:
		return "character special file"
	case size == 0:
		return "regular empty file"
	}
	return "regular file"
}

func statFormat(p *proc, format, name string, i *fsys.Info) string {
	var b strings.Builder
	for k := 0; k < len(format); k++ {
		if format[k] != '%' || k+1 >= len(format) {
			b.WriteByte(format[k])
			continue
		}
		k++
		spec := "%"
		for k < len(format)-1 && strings.IndexByte("0123456789-", format[k]) >= 0 {
			spec += string(format[k])
			k++
		}
		t := i.ModTime()
		s := ""
		switch format[k] {
		case 'n':
			s = name
		case 'N':
			s = q(name)
		case 's':
			s = strconv.FormatInt(i.Size(), 10)
		case 'a':
			fmt.Fprintf(&b, spec+"o", kernel.ToUnix(i.Mode()))
			continue
		case 'A':
			s = modeString(i.Mode())
		case 'u':
			s = strconv.Itoa(i.UID)
		case 'g':
			s = strconv.Itoa(i.GID)
		case 'U':
			s = p.UserName(i.UID)
		case 'G':
			s = p.GroupName(i.GID)
		case 'F':
			s = fileType(i.Mode(), i.Size())
		case 'Y', 'X', 'Z':
			s = strconv.FormatInt(t.Unix(), 10)
		case 'y', 'x', 'z':
			s = t.UTC().Format("2006-01-02 15:04:05.000000000 -0700")
		case 'h':
			s = strconv.Itoa(max(1, i.Links))
		case 'i':
			s = strconv.FormatUint(i.Ino, 10)
		case 'd':
			s = "64768"
		case 'b':
			s = strconv.FormatInt((i.Size()+511)/512, 10)
		case 'B':
			s = "512"
		case 'm':
			s = "/"
		case '%':
			s = "%"
		default:
			s = "?"
		}
		fmt.Fprintf(&b, spec+"s", s)
	}
	return b.String()
}

// pred is one test or action of find.
type pred func(name string, i *fsys.Info) bool

type finder struct {
	p        *proc
	args     []string
	min, max int
	action   bool
	depth    bool
	batch    []string // of -exec … +
	batchCmd []string
	st       int
	prune    bool
	err      error
}

func find(p *proc, args []string) int {
	f := &finder{p: p, max: 1 << 30}
	rest := args[1:]
	var roots []string
	for len(rest) > 0 && !strings.HasPrefix(rest[0], "-") && rest[0] != "(" && rest[0] != "!" {
		roots, rest = append(roots, rest[0]), rest[1:]
	}
	if len(roots) == 0 {
		roots = []string{"."}
	}
	f.args = rest
	expr := f.or()
	if f.err == nil && len(f.args) > 0 {
		f.err = fmt.Errorf("unknown predicate %s", q(f.args[0]))
	}
	if f.err != nil {
		p.Errorf("%v", f.err)
		return 1
	}
	for _, r := range roots {
		if _, err := p.View().Lstat(r); err != nil {
			p.Errorf("%s: %s", q(r), kernel.Reason(err))
			f.st = 1
			continue
		}
		f.visit(r, 0, expr)
	}
	if len(f.batch) > 0 && p.Call(append(append([]string{}, f.batchCmd...), f.batch...)...) != 0 {
		f.st = 1
	}
	return f.st
}

func (f *finder) visit(name string, level int, expr pred) {
	i, err := f.p.View().Lstat(name)
	if err != nil || f.p.Context().Err() != nil {
		return
	}
	do := func() {
		if level >= f.min && expr(name, i) && !f.action {
			f.p.Printf("%s\n", name)
		}
	}
	f.prune = false
	if !f.depth {
		do()
	}
	if i.IsDir() && level < f.max && !f.prune {
		list, err := f.p.View().ReadDir(name)
		if err != nil {
			f.p.Errorf("%s: %s", q(name), kernel.Reason(err))
			f.st = 1
		}
		for _, c := range list {
			f.visit(strings.TrimSuffix(name, "/")+"/"+c.Name(), level+1, expr)
		}
	}
	if f.depth {
		do()
	}
}

func (f *finder) peek() string {
	if len(f.args) == 0 {
		return ""
	}
	return f.args[0]
}

func (f *finder) next() string {
	if len(f.args) == 0 {
		f.err = fmt.Errorf("missing argument")
		return ""
	}
	s := f.args[0]
	f.args = f.args[1:]
	return s
}

func (f *finder) or() pred {
	a := f.and()
	for f.peek() == "-o" || f.peek() == "-or" {
		f.next()
		x, y := a, f.and()
		a = func(n string, i *fsys.Info) bool { return x(n, i) || y(n, i) }
	}
	return a
}

func (f *finder) and() pred {
	a := pred(func(string, *fsys.Info) bool { return true })
	for f.err == nil && f.peek() != "" && f.peek() != "-o" && f.peek() != "-or" && f.peek() != ")" {
		if f.peek() == "-a" || f.peek() == "-and" {
			f.next()
			continue
		}
		x, y := a, f.not()
		a = func(n string, i *fsys.Info) bool { return x(n, i) && y(n, i) }
	}
	return a
}

func (f *finder) not() pred {
	switch f.peek() {
	case "!", "-not":
		f.next()
		x := f.not()
		return func(n string, i *fsys.Info) bool { return !x(n, i) }
	case "(":
		f.next()
		x := f.or()
		if f.next() != ")" {
			f.err = fmt.Errorf("missing )")
		}
		return x
	}
	return f.primary()
}

func (f *finder) primary() pred {
	op := f.next()
	yes := func(string, *fsys.Info) bool { return true }
	switch op {
	case "-name", "-iname", "-path", "-wholename":
		pat := f.next()
		return func(n string, _ *fsys.Info) bool {
			s := path.Base(n)
			if op == "-path" || op == "-wholename" {
				return globPath(pat, n)
			}
			if op == "-iname" {
				s, pat = strings.ToLower(s), strings.ToLower(pat)
			}
			ok, _ := filepath.Match(pat, s)
			return ok
		}
	case "-type":
		t := f.next()
		return func(_ string, i *fsys.Info) bool { return strings.IndexByte(t, typeLetter(i.Mode())) >= 0 }
	case "-maxdepth", "-mindepth":
		n, err := strconv.Atoi(f.next())
		if err != nil {
			f.err = fmt.Errorf("expected a number after %s", op)
		}
		if op == "-maxdepth" {
			f.max = n
		} else {
			f.min = n
		}
		return yes
	case "-depth", "-xdev", "-mount", "-follow":
		f.depth = f.depth || op == "-depth"
		return yes
	case "-print", "-print0":
		f.action = true
		end := map[string]string{"-print": "\n", "-print0": "\x00"}[op]
		return func(n string, _ *fsys.Info) bool { f.p.Printf("%s%s", n, end); return true }
	case "-delete":
		f.action, f.depth = true, true
		return func(n string, _ *fsys.Info) bool {
			if err := f.p.View().Remove(n); err != nil {
				f.p.Errorf("cannot delete %s: %s", q(n), kernel.Reason(err))
				f.st = 1
				return false
			}
			return true
		}
	case "-prune":
		return func(string, *fsys.Info) bool { f.prune = true; return true }
	case "-quit":
		return yes
	case "-true":
		return yes
	case "-empty":
		return func(n string, i *fsys.Info) bool {
			if i.IsDir() {
				l, err := f.p.View().ReadDir(n)
				return err == nil && len(l) == 0
			}
			return i.Mode().IsRegular() && i.Size() == 0
		}
	case "-size", "-mtime", "-mmin", "-newer", "-perm", "-user", "-group", "-uid", "-gid":
		return f.compare(op, f.next())
	case "-exec", "-execdir", "-ok":
		return f.exec()
	case "-printf":
		f.action = true
		format := f.next()
		return func(n string, i *fsys.Info) bool { f.p.Printf("%s", findPrintf(f.p, format, n, i)); return true }
	}
	f.err = fmt.Errorf("unknown predicate %s", q(op))
	return yes
}

// globPath matches like fnmatch without FNM_PATHNAME: * takes slashes too.
func globPath(pat, s string) bool {
	ok, _ := filepath.Match(strings.ReplaceAll(pat, "/", "\x01"), strings.ReplaceAll(s, "/", "\x01"))
	return ok
}

func typeLetter(m fs.FileMode) byte {
	c := modeString(m)[0]
	if c == '-' {
		return 'f'
	}
	return c
}

func findPrintf(p *proc, format, n string, i *fsys.Info) string {
	r := strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\0`, "\x00", "%p", n, "%f", path.Base(n), "%h", path.Dir(n), "%s", strconv.FormatInt(i.Size(), 10),
		"%m", strconv.FormatUint(uint64(kernel.ToUnix(i.Mode())), 8), "%u", p.UserName(i.UID), "%g", p.GroupName(i.GID), "%y", string(typeLetter(i.Mode())),
		"%T@", fmt.Sprintf("%d.0000000000", i.ModTime().Unix()), "%P", strings.TrimPrefix(n, "./"), "%l", "", "%%", "%")
	return r.Replace(format)
}

func (f *finder) compare(op, arg string) pred {
	if op == "-newer" {
		ref, err := f.p.View().Stat(arg)
		if err != nil {
			f.err = fmt.Errorf("%s: %s", q(arg), kernel.Reason(err))
			return nil
		}
		return func(_ string, i *fsys.Info) bool { return i.ModTime().After(ref.ModTime()) }
	}
	if op == "-user" || op == "-group" {
		return func(_ string, i *fsys.Info) bool {
			if op == "-user" {
				return f.p.UserName(i.UID) == arg || strconv.Itoa(i.UID) == arg
			}
			return f.p.GroupName(i.GID) == arg || strconv.Itoa(i.GID) == arg
		}
	}
	if op == "-perm" {
		s := strings.TrimLeft(arg, "-/")
		m, err := kernel.ParseMode(s, 0, false, 0)
		if err != nil {
			f.err = fmt.Errorf("invalid mode %s", q(arg))
			return nil
		}
		want := kernel.ToUnix(m)
		return func(_ string, i *fsys.Info) bool {
			have := kernel.ToUnix(i.Mode())
			switch arg[0] {
			case '-':
				return have&want == want
			case '/':
				return have&want != 0
			}
			return have == want
		}
	}
	sign, num := arg[:1], strings.TrimLeft(arg, "+-")
	unit := int64(512)
	if op == "-size" && num != "" {
		if k := strings.IndexByte("cwbkMG", num[len(num)-1]); k >= 0 {
			unit = []int64{1, 2, 512, 1 << 10, 1 << 20, 1 << 30}[k]
			num = num[:len(num)-1]
		}
	}
	want, err := strconv.ParseInt(num, 10, 64)
	if err != nil {
		f.err = fmt.Errorf("invalid argument %s to %s", q(arg), op)
		return nil
	}
	return func(_ string, i *fsys.Info) bool {
		var have int64
		switch op {
		case "-size":
			have = (i.Size() + unit - 1) / unit
		case "-mtime":
			have = int64(time.Since(i.ModTime()).Hours() / 24)
		case "-mmin":
			have = int64(time.Since(i.ModTime()).Minutes())
		case "-uid":
			have = int64(i.UID)
		case "-gid":
			have = int64(i.GID)
		}
		switch sign {
		case "+":
			return have > want
		case "-":
			return have < want
		}
		return have == want
	}
}

func (f *finder) exec() pred {
	f.action = true
	var argv []string
	for f.err == nil {
		a := f.next()
		if a == ";" {
			return func(n string, _ *fsys.Info) bool {
				run := make([]string, len(argv))
				for k, s := range argv {
					run[k] = strings.ReplaceAll(s, "{}", n)
				}
				return f.p.Call(run...) == 0
			}
		}
		if a == "+" && len(argv) > 0 && argv[len(argv)-1] == "{}" {
			f.batchCmd = argv[:len(argv)-1]
			return func(n string, _ *fsys.Info) bool { f.batch = append(f.batch, n); return true }
		}
		argv = append(argv, a)
	}
	return nil
}
