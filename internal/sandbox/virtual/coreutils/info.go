package coreutils

import (
	"compress/gzip"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func say(f func(p *proc) string) kernel.Command {
	return func(p *proc, _ []string) int { p.Printf("%s\n", f(p)); return 0 }
}

func infoCommands() map[string]kernel.Command {
	return map[string]kernel.Command{
		"date": date, "id": id, "uname": uname, "hostname": hostname, "groups": groups, "openssl": openssl, "getconf": getconf, "mount": mountCmd, "umount": yesTrue,
		"whoami": say(func(p *proc) string { return p.UserName(p.UID()) }), "logname": say(func(p *proc) string { return "root" }), "pwd": say(func(p *proc) string { return p.Cwd() }),
		"nproc": say(func(*proc) string { return "1" }), "uptime": say(func(p *proc) string {
			return fmt.Sprintf(" %s up %d min,  0 users,  load average: 0.00, 0.00, 0.00", time.Now().UTC().Format("15:04:05"), int(time.Since(p.M.Booted()).Minutes()))
		}),
		"uuidgen": say(func(p *proc) string {
			b, _ := p.View().ReadFile("/proc/sys/kernel/random/uuid")
			return strings.TrimSpace(string(b))
		}),
		"tty":    func(p *proc, _ []string) int { p.Printf("not a tty\n"); return 1 },
		"hostid": say(func(*proc) string { return "007f0100" }), "users": say(func(*proc) string { return "" }), "who": yesTrue, "logger": yesTrue,
		"mountpoint": func(p *proc, a []string) int {
			d := p.View().Abs(a[len(a)-1])
			if d == "/" || d == "/proc" || d == "/sys" || d == "/dev" || d == "/run" {
				return 0
			}
			return 32
		},
		"free": say(func(*proc) string {
			return "               total        used        free      shared  buff/cache   available\nMem:          524288       20480      480000           0       23808      500000\nSwap:         524288           0      524288"
		}),
		"sysctl": sysctl, "lsof": yesTrue, "locale": say(func(*proc) string { return "LANG=C.UTF-8" }),
	}
}

func sysctl(p *proc, args []string) int {
	for _, a := range args[1:] {
		if strings.HasPrefix(a, "-") {
			continue
		}
		k, v, set := strings.Cut(a, "=")
		if set {
			p.Printf("%s = %s\n", k, v)
			continue
		}
		b, err := p.View().ReadFile("/proc/sys/" + strings.ReplaceAll(k, ".", "/"))
		if err != nil {
			p.Errorf("cannot stat /proc/sys/%s: %s", strings.ReplaceAll(k, ".", "/"), kernel.Reason(err))
			return 1
		}
		if contains(args, "-n") {
			p.Printf("%s", b)
		} else {
			p.Printf("%s = %s", k, b)
		}
	}
	return 0
}

func mountCmd(p *proc, args []string) int {
	if len(args) > 1 {
		p.Errorf("permission denied.")
		return 32
	}
	b, _ := p.View().ReadFile("/proc/mounts")
	for _, l := range lines(b) {
		f := strings.Fields(l)
		p.Printf("%s on %s type %s (%s)\n", f[0], f[1], f[2], f[3])
	}
	return 0
}

func getconf(p *proc, args []string) int {
	v := map[string]string{"LONG_BIT": "64", "_NPROCESSORS_ONLN": "1", "PAGE_SIZE": "4096", "PAGESIZE": "4096", "ARG_MAX": "2097152", "CLK_TCK": "100", "PATH": "/bin:/usr/bin", "NAME_MAX": "255", "PATH_MAX": "4096"}
	if len(args) > 1 && v[args[1]] != "" {
		p.Printf("%s\n", v[args[1]])
		return 0
	}
	p.Errorf("Unrecognized variable")
	return 2
}

func strftime(f string, t time.Time) string {
	one := map[byte]string{'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'F': "2006-01-02", 'T': "15:04:05", 'y': "06", 'b': "Jan", 'B': "January", 'a': "Mon", 'A': "Monday",
		'z': "-0700", 'Z': "MST", 'e': "_2", 'I': "03", 'p': "PM", 'R': "15:04", 'D': "01/02/06", 'h': "Jan", 'c': "Mon Jan _2 15:04:05 2006", 'X': "15:04:05", 'x': "01/02/06"}
	var b strings.Builder
	for i := 0; i < len(f); i++ {
		if f[i] != '%' || i+1 >= len(f) {
			b.WriteByte(f[i])
			continue
		}
		i++
		width := 9
		if f[i] >= '1' && f[i] <= '9' && i+1 < len(f) {
			width = int(f[i] - '0')
			i++
		}
		if f[i] == '-' && i+1 < len(f) {
			i++
			b.WriteString(strings.TrimLeft(t.Format(one[f[i]]), "0 "))
			continue
		}
		if f[i] == ':' && i+1 < len(f) && f[i+1] == 'z' {
			i++
			b.WriteString(t.Format("-07:00"))
			continue
		}
		switch c := f[i]; c {
		case 's':
			b.WriteString(strconv.FormatInt(t.Unix(), 10))
		case 'N':
			b.WriteString(fmt.Sprintf("%09d", t.Nanosecond())[:width])
		case 'j':
			fmt.Fprintf(&b, "%03d", t.YearDay())
		case 'u':
			fmt.Fprintf(&b, "%d", (int(t.Weekday())+6)%7+1)
		case 'w':
			fmt.Fprintf(&b, "%d", int(t.Weekday()))
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case '%':
			b.WriteByte('%')
		default:
			b.WriteString(t.Format(one[c]))
		}
	}
	return b.String()
}

var relDate = regexp.MustCompile(`^([+-]?\d+) ?(second|sec|minute|min|hour|day|week|month|year)s?( ago)?$`)

func parseDate(s string) (time.Time, error) {
	now := time.Now()
	switch s {
	case "now", "":
		return now, nil
	case "yesterday":
		return now.AddDate(0, 0, -1), nil
	case "tomorrow":
		return now.AddDate(0, 0, 1), nil
	}
	if n, ok := strings.CutPrefix(s, "@"); ok {
		f, err := strconv.ParseFloat(n, 64)
		return time.Unix(int64(f), 0), err
	}
	if m := relDate.FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[1])
		if m[3] != "" {
			n = -n
		}
		unit := map[string]time.Duration{"second": time.Second, "sec": time.Second, "minute": time.Minute, "min": time.Minute, "hour": time.Hour, "day": 24 * time.Hour, "week": 168 * time.Hour, "month": 720 * time.Hour, "year": 8760 * time.Hour}
		return now.Add(time.Duration(n) * unit[m[2]]), nil
	}
	for _, f := range []string{time.RFC3339Nano, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02", time.RFC1123Z, time.RFC1123, "Mon 2006-01-02 15:04:05 MST", "Mon Jan _2 15:04:05 2006"} {
		if t, err := time.Parse(f, s); err == nil {
			return t, nil
		}
	}
	return now, fmt.Errorf("invalid date")
}

func date(p *proc, args []string) int {
	o, ok := parse(p, args, "uRd:r:I:s:", "utc universal rfc-email date= iso-8601? reference= rfc-3339=")
	if !ok {
		return 1
	}
	t := time.Now()
	if d, has := o.get("d", "date"); has {
		var err error
		if t, err = parseDate(d); err != nil {
			p.Errorf("invalid date ‘%s’", d)
			return 1
		}
	}
	if r, has := o.get("r", "reference"); has {
		i, err := p.View().Stat(r)
		if err != nil {
			return fail(p, r, err)
		}
		t = i.ModTime()
	}
	t = t.UTC()
	f := "%a %b %e %H:%M:%S UTC %Y"
	iso, hasIso := o.get("I", "iso-8601")
	switch {
	case len(o.args) > 0 && strings.HasPrefix(o.args[0], "+"):
		f = o.args[0][1:]
	case hasIso && strings.HasPrefix(iso, "s"):
		f = "%Y-%m-%dT%H:%M:%S%:z"
	case hasIso:
		f = "%F"
	case o.has("R", "rfc-email"):
		f = "%a, %d %b %Y %H:%M:%S %z"
	}
	p.Printf("%s\n", strftime(f, t))
	return 0
}

func id(p *proc, args []string) int {
	o, ok := parse(p, args, "ugGnrz", "user group groups name real")
	if !ok {
		return 1
	}
	u := kernel.User{Name: p.UserName(p.UID()), UID: p.UID(), GID: p.GID()}
	if len(o.args) > 0 {
		var found bool
		if u, found = p.LookupUser(o.args[0]); !found {
			p.Errorf("‘%s’: no such user", o.args[0])
			return 1
		}
	} else if x, found := p.LookupUser(u.Name); found {
		u.Groups = x.Groups
	}
	all := []int{u.GID}
	for _, g := range u.Groups {
		if g != u.GID {
			all = append(all, g)
		}
	}
	name := o.has("n", "name")
	show := func(n int, s string) string {
		if name {
			return s
		}
		return strconv.Itoa(n)
	}
	switch {
	case o.has("u", "user"):
		p.Printf("%s\n", show(u.UID, u.Name))
	case o.has("g", "group"):
		p.Printf("%s\n", show(u.GID, p.GroupName(u.GID)))
	case o.has("G", "groups"):
		var out []string
		for _, g := range all {
			out = append(out, show(g, p.GroupName(g)))
		}
		p.Printf("%s\n", strings.Join(out, " "))
	default:
		var out []string
		for _, g := range all {
			out = append(out, fmt.Sprintf("%d(%s)", g, p.GroupName(g)))
		}
		p.Printf("uid=%d(%s) gid=%d(%s) groups=%s\n", u.UID, u.Name, u.GID, p.GroupName(u.GID), strings.Join(out, ","))
	}
	return 0
}

func groups(p *proc, args []string) int {
	return id(p, append([]string{"id", "-Gn"}, args[1:]...))
}

func uname(p *proc, args []string) int {
	o, ok := parse(p, args, "asnrvmopi", "all kernel-name nodename kernel-release kernel-version machine operating-system")
	if !ok {
		return 1
	}
	var out []string
	for _, f := range []struct{ s, l, v string }{{"s", "kernel-name", "Linux"}, {"n", "nodename", p.M.Hostname()}, {"r", "kernel-release", "6.8.12-4-pve"},
		{"v", "kernel-version", "#1 SMP PREEMPT_DYNAMIC PMX 6.8.12-4"}, {"m", "machine", "x86_64"}, {"o", "operating-system", "GNU/Linux"}} {
		if o.has("a", "all", f.s, f.l) || len(o.set) == 0 && f.s == "s" || f.s == "m" && o.has("p", "i") {
			out = append(out, f.v)
		}
	}
	p.Printf("%s\n", strings.Join(out, " "))
	return 0
}

func hostname(p *proc, args []string) int {
	o, ok := parse(p, args, "IisfdAF:", "all-ip-addresses short fqdn long domain ip-address")
	if !ok {
		return 1
	}
	h := p.M.Hostname()
	switch a := p.M.Address(); {
	case o.has("I", "i", "all-ip-addresses", "ip-address"):
		if a.IsValid() {
			p.Printf("%s \n", a)
		} else {
			p.Printf("\n")
		}
	case o.has("s", "short"):
		s, _, _ := strings.Cut(h, ".")
		p.Printf("%s\n", s)
	case o.has("d", "domain"):
		_, d, _ := strings.Cut(h, ".")
		p.Printf("%s\n", d)
	case len(o.args) > 0:
		p.M.SetHostname(o.args[0])
	default:
		p.Printf("%s\n", h)
	}
	return 0
}

func openssl(p *proc, args []string) int {
	if len(args) > 2 && args[1] == "rand" {
		n, _ := strconv.Atoi(args[len(args)-1])
		b := make([]byte, min(max(n, 0), 1<<20))
		rand.Read(b)
		switch {
		case contains(args, "-hex"):
			p.Printf("%s\n", hex.EncodeToString(b))
		case contains(args, "-base64"):
			p.Printf("%s\n", base64.StdEncoding.EncodeToString(b))
		default:
			p.Stdout.Write(b)
		}
		return 0
	}
	if len(args) > 1 && args[1] == "version" {
		p.Printf("OpenSSL 3.0.15 3 Sep 2024 (Library: OpenSSL 3.0.15 3 Sep 2024)\n")
		return 0
	}
	p.Errorf("sandbox: openssl %s is not supported by the virtual guest", strings.Join(args[1:], " "))
	return 1
}

func hashCommands() map[string]kernel.Command {
	sum := func(f func() hash.Hash) kernel.Command {
		return func(p *proc, args []string) int { return hashFiles(p, args, f) }
	}
	return map[string]kernel.Command{"sha256sum": sum(sha256.New), "sha512sum": sum(sha512.New), "sha1sum": sum(sha1.New), "md5sum": sum(md5.New),
		"gzip": gz, "gunzip": gz, "zcat": gz}
}

func hashFiles(p *proc, args []string, f func() hash.Hash) int {
	o, ok := parse(p, args, "cbtqsw", "check quiet status strict binary text ignore-missing")
	if !ok {
		return 1
	}
	if o.has("c", "check") {
		return hashCheck(p, o, f)
	}
	return inputs(p, o.args, func(name string, r io.Reader) error {
		h := f()
		if _, err := io.Copy(h, r); err != nil {
			return err
		}
		p.Printf("%x  %s\n", h.Sum(nil), name)
		return nil
	})
}

func hashCheck(p *proc, o *options, f func() hash.Hash) int {
	b, st := readAll(p, o.args)
	bad := 0
	for _, l := range lines(b) {
		want, name, ok := strings.Cut(l, " ")
		if !ok {
			continue
		}
		name = strings.TrimLeft(name, " *")
		h := f()
		r, err := open(p, name)
		if err == nil {
			_, err = io.Copy(h, r)
			r.Close()
		}
		switch {
		case err != nil:
			p.Errorf("%s: %s", name, kernel.Reason(err))
			bad++
		case hex.EncodeToString(h.Sum(nil)) != want:
			if !o.has("status", "s") {
				p.Printf("%s: FAILED\n", name)
			}
			bad++
		case !o.has("quiet", "q", "status", "s"):
			p.Printf("%s: OK\n", name)
		}
	}
	if bad > 0 {
		return 1
	}
	return st
}

func gz(p *proc, args []string) int {
	o, ok := parse(p, args, "dckfn123456789q", "decompress stdout keep force")
	if !ok {
		return 1
	}
	dec := o.has("d", "decompress") || strings.Contains(args[0], "gunzip") || strings.Contains(args[0], "zcat")
	toOut := o.has("c", "stdout") || strings.Contains(args[0], "zcat") || len(o.args) == 0
	return inputs(p, o.args, func(name string, r io.Reader) error {
		out := p.Stdout
		target := name + ".gz"
		if dec {
			target = strings.TrimSuffix(name, ".gz")
		}
		if !toOut {
			f, err := p.View().Open(target, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
			if err != nil {
				return err
			}
			defer f.Close()
			out = f
		}
		if dec {
			z, err := gzip.NewReader(r)
			if err != nil {
				return plainError("not in gzip format")
			}
			if _, err = io.Copy(out, z); err != nil {
				return err
			}
		} else {
			z := gzip.NewWriter(out)
			if _, err := io.Copy(z, r); err != nil {
				return err
			}
			if err := z.Close(); err != nil {
				return err
			}
		}
		if !toOut && !o.has("k", "keep") {
			return p.View().Remove(name)
		}
		return nil
	})
}
