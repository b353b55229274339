package coreutils

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func stat(p *proc, args []string) int {
	o, ok := parse(p, args, "c:L", "format= printf= dereference")
	if !ok {
		return 1
	}
	if len(o.args) == 0 {
		return missing(p)
	}
	format, end := "", "\n"
	if s, has := o.get("c", "format"); has {
		format = s
	} else if s, has := o.get("printf"); has {
		format, end = strings.NewReplacer(`\\`, `\\`, `\n`, "\n", `\t`, "\t").Replace(s), ""
		if strings.Contains(strings.NewReplacer(`\n`, "", `\t`, "").Replace(s), `\`) {
			return refuse(p, "the format "+q(s))
		}
	} else {
		return refuse(p, "stat without a format")
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
		text, lacks := statFormat(p, format, f, i)
		if lacks != "" {
			return refuse(p, lacks)
		}
		p.Printf("%s%s", text, end)
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

// statFormat is the text of a format. The second result names a directive that it lacks.
func statFormat(p *proc, format, name string, i *fsys.Info) (text, lacks string) {
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
			if t, err := p.View().Readlink(name); err == nil {
				s += " -> " + q(t)
			}
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
			return "", "%" + string(format[k])
		}
		fmt.Fprintf(&b, spec+"s", s)
	}
	return b.String(), ""
}
