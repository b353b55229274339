package coreutils

import (
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

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

// printf is the text of -printf for one file. The second result names a directive that
// it lacks. Without a file it only checks the format.
func (f *finder) printf(format, n string, i *fsys.Info) (text, lacks string) {
	var b strings.Builder
	for k := 0; k < len(format); k++ {
		c := format[k]
		if c != '%' && c != '\\' || k+1 == len(format) {
			b.WriteByte(c)
			continue
		}
		k++
		if c == '\\' {
			at := strings.IndexByte(`nt0\`, format[k])
			if at < 0 {
				return "", format[k-1 : k+1]
			}
			b.WriteByte("\n\t\x00\\"[at])
			continue
		}
		if strings.HasPrefix(format[k:], "T@") {
			k++
		} else if strings.IndexByte("%pPfhsmugydl", format[k]) < 0 {
			return "", format[k-1 : k+1]
		}
		if i != nil {
			b.WriteString(f.directive(format[k], n, i))
		}
	}
	return b.String(), ""
}

func (f *finder) directive(c byte, n string, i *fsys.Info) string {
	switch c {
	case 'p':
		return n
	case 'P':
		return strings.TrimPrefix(strings.TrimPrefix(n, f.root), "/")
	case 'f':
		return path.Base(n)
	case 'h':
		if k := strings.LastIndexByte(n, '/'); k >= 0 {
			return n[:k]
		}
		return "."
	case 's':
		return strconv.FormatInt(i.Size(), 10)
	case 'm':
		return strconv.FormatUint(uint64(kernel.ToUnix(i.Mode())), 8)
	case 'u':
		return f.p.UserName(i.UID)
	case 'g':
		return f.p.GroupName(i.GID)
	case 'y':
		return string(typeLetter(i.Mode()))
	case 'd':
		return strconv.Itoa(f.level)
	case 'l':
		target, _ := f.p.View().Readlink(n)
		return target
	case '@':
		return fmt.Sprintf("%d.%09d0", i.ModTime().Unix(), i.ModTime().Nanosecond())
	}
	return "%"
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
		_, user := f.p.LookupUser(arg)
		_, group := f.p.LookupGroup(arg)
		if _, err := strconv.Atoi(arg); err != nil && (op == "-user" && !user || op == "-group" && !group) {
			f.err = fmt.Errorf("%s is not the name of a known %s", q(arg), op[1:])
			return nil
		}
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
	if arg == "" {
		f.err = fmt.Errorf("missing argument to %s", op)
		return nil
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
			if f.batchCmd != nil {
				f.err = lacking("-exec … + twice")
			}
			f.batchCmd = argv[:len(argv)-1]
			return func(n string, _ *fsys.Info) bool { f.batch = append(f.batch, n); return true }
		}
		argv = append(argv, a)
	}
	return nil
}
