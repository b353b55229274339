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
