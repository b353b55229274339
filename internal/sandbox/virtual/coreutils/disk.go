package coreutils

import (
	"strconv"

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
	used, quota := p.M.FS.Usage()
	if quota == 0 {
		quota = 8 << 30
	}
	k := func(n int64) int64 { return n >> 10 }
	p.Printf("Filesystem     1K-blocks    Used Available Use%% Mounted on\n")
	p.Printf("%-14s %9d %7d %9d %3d%% %s\n", "virtual", k(quota), k(used), k(quota-used), used*100/quota, "/")
	return 0
}
