package coreutils

import (
	"strconv"
	"strings"
)

func du(p *proc, args []string) int {
	o, ok := parse(p, args, "sb", "summarize apparent-size bytes")
	if !ok {
		return 1
	}
	if !o.has("b", "bytes") {
		return refuse(p, "du without -b")
	}
	for _, f := range o.args {
		if i, err := p.View().Lstat(f); err == nil && i.IsDir() {
			return refuse(p, "the size of a folder")
		}
	}
	if len(o.args) == 0 {
		return refuse(p, "the size of a folder")
	}
	st := 0
	for _, f := range o.args {
		i, err := p.View().Lstat(f)
		if err != nil {
			st = fail(p, "cannot access "+q(f), err)
			continue
		}
		p.Printf("%d\t%s\n", i.Size(), f)
	}
	return st
}

func df(p *proc, args []string) int {
	o, ok := parse(p, args, "hkmP", "human-readable portability output=")
	if !ok {
		return 1
	}
	for _, f := range o.args {
		if _, err := p.View().Stat(f); err != nil {
			return fail(p, f, err)
		}
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
