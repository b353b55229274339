package coreutils

import (
	"fmt"
	"io"
	"os"
	"strings"
)

func dd(p *proc, args []string) int {
	set := map[string]string{}
	for _, a := range args[1:] {
		k, v, ok := strings.Cut(a, "=")
		if !ok || !strings.Contains(" if of bs ibs obs count skip seek conv iflag oflag status ", " "+k+" ") {
			if k == "cbs" {
				return refuse(p, a)
			}
			p.Errorf("unrecognized operand ‘%s’", a)
			return 1
		}
		set[k] = v
	}
	if lacks := ddLacks(set); lacks != "" {
		return refuse(p, lacks)
	}
	size := func(k string, def int64) int64 {
		if s, ok := set[k]; ok {
			def, _ = parseSize(s)
		}
		return def
	}
	bs := size("bs", size("ibs", 512))
	in, out := p.Stdin, p.Stdout
	if f := set["if"]; f != "" {
		h, err := p.View().Open(f, os.O_RDONLY, 0)
		if err != nil {
			return fail(p, "failed to open "+q(f), err)
		}
		defer h.Close()
		in = h
	}
	if f := set["of"]; f != "" {
		flag := os.O_WRONLY | os.O_CREATE
		if !strings.Contains(set["conv"], "notrunc") && !strings.Contains(set["oflag"], "append") && size("seek", 0) == 0 {
			flag |= os.O_TRUNC
		}
		if strings.Contains(set["oflag"], "append") {
			flag |= os.O_APPEND
		}
		h, err := p.View().Open(f, flag, 0o666)
		if err != nil {
			return fail(p, "failed to open "+q(f), err)
		}
		defer h.Close()
		if n := size("seek", 0) * size("obs", bs); n > 0 {
			if !strings.Contains(set["conv"], "notrunc") {
				if err := p.View().Truncate(f, n); err != nil {
					return fail(p, "failed to truncate "+q(f), err)
				}
			}
			if _, err := h.Seek(n, io.SeekStart); err != nil {
				return fail(p, q(f)+": cannot seek", err)
			}
		}
		out = h
	}
	return ddCopy(p, in, out, bs, size("count", -1), size("skip", 0), strings.Contains(set["iflag"], "fullblock"), set["status"])
}

// ddLacks names an operand whose value dd has and the simulation lacks, or one that is no
// number.
func ddLacks(set map[string]string) string {
	for k, known := range map[string]string{"conv": "notrunc fsync fdatasync", "iflag": "fullblock", "oflag": "append", "status": "none noxfer"} {
		for _, v := range strings.Split(set[k], ",") {
			if v != "" && !strings.Contains(" "+known+" ", " "+v+" ") {
				return k + "=" + v
			}
		}
	}
	for _, k := range []string{"bs", "ibs", "obs", "count", "skip", "seek"} {
		if v, has := set[k]; has {
			if n, err := parseSize(v); err != nil || n < 0 {
				return "the number " + k + "=" + v
			}
		}
	}
	return ""
}

func ddCopy(p *proc, in io.Reader, out io.Writer, bs, count, skip int64, full bool, status string) int {
	if bs <= 0 {
		p.Errorf("invalid number: ‘0’")
		return 1
	}
	buf := make([]byte, bs)
	if s, ok := in.(io.Seeker); ok && skip > 0 {
		if _, err := s.Seek(skip*bs, io.SeekStart); err == nil {
			skip = 0
		}
	}
	var fullIn, partIn, total int64
	for n := int64(0); count < 0 || n < count+skip; n++ {
		var k int
		var err error
		if full {
			k, err = io.ReadFull(in, buf)
		} else {
			k, err = in.Read(buf)
		}
		if k > 0 && n >= skip {
			if int64(k) == bs {
				fullIn++
			} else {
				partIn++
			}
			total += int64(k)
			if _, werr := out.Write(buf[:k]); werr != nil {
				return fail(p, "error writing", werr)
			}
		}
		if err != nil {
			break
		}
	}
	if status != "none" {
		fmt.Fprintf(p.Stderr, "%d+%d records in\n%d+%d records out\n", fullIn, partIn, fullIn, partIn)
		if status != "noxfer" {
			fmt.Fprintf(p.Stderr, "%d bytes copied, 0.001 s\n", total)
		}
	}
	return 0
}
