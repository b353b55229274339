package coreutils

import (
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
		"date": date, "id": id, "uname": uname, "hostname": hostname, "groups": groups, "openssl": openssl, "getconf": getconf, "mount": mountCmd,
		"whoami": say(func(p *proc) string { return p.UserName(p.UID()) }), "logname": say(func(p *proc) string { return "root" }), "pwd": say(func(p *proc) string { return p.Cwd() }),
		"nproc": nproc, "uptime": uptime, "uuidgen": uuidgen,
		"tty":    ttyName,
		"hostid": say(func(*proc) string { return "007f0100" }), "users": say(func(*proc) string { return "" }), "who": yesTrue, "logger": yesTrue,
		"mountpoint": mountpoint,
		"free":       free,
		"sysctl":     sysctl,
	}
}

func uptime(p *proc, args []string) int {
	if len(args) > 1 {
		return refuse(p, args[1])
	}
	p.Printf(" %s up %d min,  0 users,  load average: 0.00, 0.00, 0.00\n", p.M.Now().UTC().Format("15:04:05"), int(time.Since(p.M.Booted()).Minutes()))
	return 0
}

func uuidgen(p *proc, args []string) int {
	if len(args) > 1 && args[1] != "-r" && args[1] != "--random" {
		return refuse(p, args[1])
	}
	b, err := p.View().ReadFile("/proc/sys/kernel/random/uuid")
	if err != nil {
		return fail(p, "uuid", err)
	}
	return put(p, b, 0)
}

func mountpoint(p *proc, args []string) int {
	o, ok := parse(p, args, "q", "quiet")
	if !ok {
		return 1
	}
	if len(o.args) != 1 {
		p.Errorf("bad usage")
		return 1
	}
	if _, err := p.View().Stat(o.args[0]); err != nil {
		if !o.has("q", "quiet") {
			return fail(p, o.args[0], err)
		}
		return 1
	}
	st, is := 32, "is not"
	switch p.View().Abs(o.args[0]) {
	case "/", "/proc", "/sys", "/dev", "/run":
		st, is = 0, "is"
	}
	if !o.has("q", "quiet") {
		p.Printf("%s %s a mountpoint\n", o.args[0], is)
	}
	return st
}

func sysctl(p *proc, args []string) int {
	o, ok := parse(p, args, "ne", "values ignore")
	if !ok {
		return 1
	}
	st := 0
	for _, k := range o.args {
		if strings.Contains(k, "=") {
			return refuse(p, "to set "+k)
		}
		file := "/proc/sys/" + strings.ReplaceAll(k, ".", "/")
		b, err := p.View().ReadFile(file)
		switch {
		case err != nil && o.has("e", "ignore"):
		case err != nil:
			st = fail(p, "cannot stat "+file, err)
		case o.has("n", "values"):
			p.Printf("%s", b)
		default:
			p.Printf("%s = %s", k, b)
		}
	}
	return st
}

func mountCmd(p *proc, args []string) int {
	if len(args) > 1 {
		refuse(p, strings.Join(args, " "))
		return 32
	}
	b, _ := p.View().ReadFile("/proc/mounts")
	for _, l := range lines(b) {
		f := strings.Fields(l)
		p.Printf("%s on %s type %s (%s)\n", f[0], f[1], f[2], f[3])
	}
	return 0
}

func nproc(p *proc, args []string) int {
	o, ok := parse(p, args, "", "all ignore=")
	if !ok {
		return 1
	}
	s, _ := o.get("ignore")
	n, _ := strconv.Atoi(s)
	p.Printf("%d\n", max(1, p.M.CPUs()-n))
	return 0
}

// free is that of procps: kibibytes, or -b, -m, -g, -h.
func free(p *proc, args []string) int {
	o, ok := parse(p, args, "bkmg", "bytes kibi mebi gibi")
	if !ok {
		return 1
	}
	show := func(n int64) string {
		switch {
		case o.has("b", "bytes"):
			return strconv.FormatInt(n, 10)
		case o.has("m", "mebi"):
			return strconv.FormatInt(n>>20, 10)
		case o.has("g", "gibi"):
			return strconv.FormatInt(n>>30, 10)
		}
		return strconv.FormatInt(n>>10, 10)
	}
	total, used := p.M.Memory()
	p.Printf("               total        used        free      shared  buff/cache   available\n")
	p.Printf("Mem:     %11s %11s %11s %11s %11s %11s\n", show(total), show(used), show(total-used), show(0), show(0), show(total-used))
	p.Printf("Swap:    %11s %11s %11s\n", show(p.M.Swap()), show(0), show(p.M.Swap()))
	return 0
}

func getconf(p *proc, args []string) int {
	cpus := strconv.Itoa(p.M.CPUs())
	v := map[string]string{"LONG_BIT": "64", "_NPROCESSORS_ONLN": cpus, "_NPROCESSORS_CONF": cpus, "PAGE_SIZE": "4096", "PAGESIZE": "4096", "ARG_MAX": "2097152", "CLK_TCK": "100", "PATH": "/bin:/usr/bin", "NAME_MAX": "255", "PATH_MAX": "4096"}
	if len(args) > 1 && v[args[1]] != "" {
		p.Printf("%s\n", v[args[1]])
		return 0
	}
	p.Errorf("Unrecognized variable")
	return 2
}

func uname(p *proc, args []string) int {
	o, ok := parse(p, args, "asnrvmo", "all kernel-name nodename kernel-release kernel-version machine operating-system")
	if !ok {
		return 1
	}
	if len(o.args) > 0 {
		return extra(p, o.args[0])
	}
	var out []string
	for _, f := range []struct{ s, l, v string }{{"s", "kernel-name", "Linux"}, {"n", "nodename", p.M.Hostname()}, {"r", "kernel-release", "6.8.12-4-pve"},
		{"v", "kernel-version", "#1 SMP PREEMPT_DYNAMIC PMX 6.8.12-4"}, {"m", "machine", "x86_64"}, {"o", "operating-system", "GNU/Linux"}} {
		if o.has("a", "all", f.s, f.l) || len(o.set) == 0 && f.s == "s" {
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
