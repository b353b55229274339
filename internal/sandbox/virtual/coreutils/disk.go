package coreutils

import (
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

func du(p *proc, args []string) int {
	o, ok := parse(p, args, "skhmabcxd:", "summarize apparent-size bytes max-depth= human-readable")
	if !ok {
		return 1
	}
	if len(o.args) == 0 {
		o.args = []string{"."}
	}
	for _, f := range o.args {
		var n int64
		if err := walk(p.View(), f, func(_ string, i *fsys.Info) error { n += i.Size(); return nil }); err != nil {
			return fail(p, "cannot access "+q(f), err)
		}
		switch {
		case o.has("b", "bytes"):
		case o.has("m"):
			n = (n + 1<<20 - 1) >> 20
		default:
			n = (n + 1023) >> 10
		}
		s := strconv.FormatInt(n, 10)
		if o.has("h", "human-readable") {
			s += "K"
		}
		p.Printf("%s\t%s\n", s, f)
	}
	return 0
}

func df(p *proc, args []string) int {
	o, ok := parse(p, args, "hkmBPTHat:x:", "human-readable portability print-type si all local output= block-size= type= exclude-type=")
	if !ok {
		return 1
	}
	used, quota := p.M.FS.Usage()
	if quota == 0 {
		quota = 8 << 30
	}
	free := max(0, quota-used)
	unit, head := int64(1<<10), "1K-blocks"
	switch {
	case o.has("h", "human-readable"), o.has("m"):
		unit, head = 1<<20, "1M-blocks"
	case o.has("P", "portability"):
		head = "1024-blocks"
	}
	show := func(n int64) string {
		s := strconv.FormatInt((n+unit-1)/unit, 10)
		if o.has("h", "human-readable") {
			s += "M"
		}
		return s
	}
	if cols, has := o.get("output"); has {
		return dfOutput(p, cols, map[string]string{"source": "virtual", "fstype": "ext4", "size": show(quota), "used": show(used), "avail": show(free),
			"pcent": strconv.FormatInt(used*100/quota, 10) + "%", "target": "/"})
	}
	if o.has("h", "human-readable") {
		head = "Size"
	}
	p.Printf("%-14s %11s %9s %9s %4s %s\n", "Filesystem", head, "Used", "Available", "Use%", "Mounted on")
	p.Printf("%-14s %11s %9s %9s %3d%% %s\n", "virtual", show(quota), show(used), show(free), used*100/quota, "/")
	return 0
}

func dfOutput(p *proc, cols string, row map[string]string) int {
	titles := map[string]string{"source": "Filesystem", "fstype": "Type", "size": "1K-blocks", "used": "Used", "avail": "Avail", "pcent": "Use%", "target": "Mounted on"}
	var head, line []string
	for _, c := range strings.Split(cols, ",") {
		if titles[c] == "" {
			p.Errorf("option --output: field %s unknown", q(c))
			return 1
		}
		head, line = append(head, titles[c]), append(line, row[c])
	}
	p.Printf("%s\n%s\n", strings.Join(head, " "), strings.Join(line, " "))
	return 0
}
