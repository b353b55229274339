package system

import (
	"fmt"
	"path"
	"regexp"
	"sort"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func packageCommands() map[string]kernel.Command {
	return map[string]kernel.Command{"apt-get": apt, "apt": apt, "apt-cache": aptCache, "apt-mark": nothing, "apt-config": nothing, "dpkg": dpkg, "dpkg-query": dpkgQuery,
		"debconf-set-selections": nothing, "dpkg-reconfigure": nothing, "apk": apk}
}

// pkg is a package of the catalogue: the programs and files it brings.
type pkg struct {
	bins  string // absolute paths of programs
	files map[string]string
	dirs  []string
	unit  string // enabled and started
	user  string
	deps  []string
}

func catalogue() map[string]pkg {
	nginx := pkg{bins: "/usr/sbin/nginx", unit: "nginx.service", files: map[string]string{
		"/usr/lib/systemd/system/nginx.service": "[Unit]\nDescription=A high performance web server and a reverse proxy server\nAfter=network-online.target\n\n[Service]\nType=forking\nPIDFile=/run/nginx.pid\nExecStartPre=/usr/sbin/nginx -t -q -g 'daemon on; master_process on;'\nExecStart=/usr/sbin/nginx -g 'daemon on; master_process on;'\nExecReload=/usr/sbin/nginx -s reload\n\n[Install]\nWantedBy=multi-user.target\n",
		"/etc/nginx/nginx.conf":                 "user www-data;\nhttp {\n\tinclude /etc/nginx/conf.d/*.conf;\n\tinclude /etc/nginx/sites-enabled/*;\n}\n",
		"/etc/nginx/sites-available/default":    "server {\n\tlisten 80 default_server;\n\tlisten [::]:80 default_server;\n\troot /var/www/html;\n\tindex index.html index.htm index.nginx-debian.html;\n\tserver_name _;\n\tlocation / {\n\t\ttry_files $uri $uri/ =404;\n\t}\n}\n",
		"/etc/nginx/sites-enabled/default":      "->/etc/nginx/sites-available/default",
		"/var/www/html/index.nginx-debian.html": "<!DOCTYPE html>\n<title>Welcome to nginx!</title>\n<h1>Welcome to nginx!</h1>\n"},
		dirs: []string{"/etc/nginx/conf.d", "/var/log/nginx"}}
	daemon := func(u, desc, start, user string) pkg {
		x := ""
		if user != "" {
			x = "User=" + user + "\n"
		}
		return pkg{unit: u, user: user, files: map[string]string{"/usr/lib/systemd/system/" + u: "[Unit]\nDescription=" + desc + "\n\n[Service]\nType=notify\n" + x + "ExecStart=" + start + "\n\n[Install]\nWantedBy=multi-user.target\n"}}
	}
	redis := daemon("redis-server.service", "Advanced key-value store", "/usr/bin/redis-server /etc/redis/redis.conf", "redis")
	redis.bins, redis.files["/etc/redis/redis.conf"] = "/usr/bin/redis-server /usr/bin/redis-cli", "bind 127.0.0.1 -::1\nport 6379\n"
	pg := daemon("postgresql.service", "PostgreSQL RDBMS", "/usr/lib/postgresql/15/bin/postgres", "postgres")
	pg.bins = "/usr/lib/postgresql/15/bin/postgres /usr/bin/psql /usr/bin/pg_isready /usr/bin/createuser /usr/bin/createdb"
	pg.files["/etc/postgresql/15/main/postgresql.conf"] = "port = 5432\ninclude_dir = 'conf.d'\n"
	pg.files["/etc/postgresql/15/main/pg_hba.conf"] = "local all postgres peer\nlocal all all peer\nhost all all 127.0.0.1/32 scram-sha-256\n"
	docker := daemon("docker.service", "Docker Application Container Engine", "/usr/sbin/dockerd -H fd://", "")
	docker.bins = "/usr/sbin/dockerd /usr/bin/docker"
	sshd := pkg{bins: "/usr/sbin/sshd", unit: "ssh.service"}
	prog := func(b string) pkg { return pkg{bins: b} }
	return map[string]pkg{"nginx": nginx, "nginx-light": nginx, "nginx-core": nginx, "nginx-full": nginx, "redis-server": redis, "redis": redis, "postgresql": pg, "postgresql-15": pg,
		"docker.io": docker, "openssh-server": sshd, "openssh": sshd, "curl": prog("/usr/bin/curl"), "wget": prog("/usr/bin/wget"), "sudo": prog("/usr/bin/sudo"), "git": prog("/usr/bin/git"),
		"netcat-openbsd": prog("/usr/bin/nc"), "bash": prog("/usr/bin/bash"), "busybox-static": prog("/usr/bin/busybox"), "busybox": prog("/usr/bin/busybox"), "net-tools": prog("/usr/bin/netstat"), "iproute2-ss": prog("/usr/bin/ss"),
		"python3": prog("/usr/bin/python3"), "python3-pip": prog("/usr/bin/pip3"), "nodejs": prog("/usr/bin/node"), "npm": prog("/usr/bin/npm"), "jq": prog("/usr/bin/jq"), "unzip": prog("/usr/bin/unzip"),
		"ca-certificates": {}, "gnupg": prog("/usr/bin/gpg"), "apt-transport-https": {}, "lsb-release": prog("/usr/bin/lsb_release"), "locales": {}, "tzdata": {}, "htop": prog("/usr/bin/htop"),
		"vim": prog("/usr/bin/vim"), "nano": prog("/usr/bin/nano"), "rsync": prog("/usr/bin/rsync"), "tree": prog("/usr/bin/tree"), "less": prog("/usr/bin/less"), "build-essential": prog("/usr/bin/gcc /usr/bin/make"),
		"openssl": {}, "procps": {}, "psmisc": prog("/usr/bin/killall"), "iputils-ping": {}, "dnsutils": prog("/usr/bin/dig"), "cron": {}, "logrotate": prog("/usr/sbin/logrotate"), "fuse-overlayfs": {}, "uidmap": {}, "iptables": {}}
}

// status reads dpkg's (or apk's) database: package → version.
func installed(p *proc) map[string]string {
	out := map[string]string{}
	b, err := p.View().ReadFile("/var/lib/dpkg/status")
	keyName, keyVer := "Package: ", "Version: "
	if err != nil {
		b, _ = p.View().ReadFile("/lib/apk/db/installed")
		keyName, keyVer = "P:", "V:"
	}
	name := ""
	for _, l := range strings.Split(string(b), "\n") {
		if n, ok := strings.CutPrefix(l, keyName); ok {
			name = n
		}
		if v, ok := strings.CutPrefix(l, keyVer); ok {
			out[name] = v
		}
	}
	return out
}

func record(p *proc, name, version string) {
	v := p.View()
	if b, err := v.ReadFile("/var/lib/dpkg/status"); err == nil {
		v.WriteFile("/var/lib/dpkg/status", append(b, "Package: "+name+"\nStatus: install ok installed\nArchitecture: amd64\nVersion: "+version+"\nDescription: "+name+"\n\n"...), 0o644)
		return
	}
	b, _ := v.ReadFile("/lib/apk/db/installed")
	v.WriteFile("/lib/apk/db/installed", append(b, "P:"+name+"\nV:"+version+"\n\n"...), 0o644)
}

func unrecord(p *proc, name string) {
	v := p.View()
	for _, f := range []string{"/var/lib/dpkg/status", "/lib/apk/db/installed"} {
		b, err := v.ReadFile(f)
		if err != nil {
			continue
		}
		var out []string
		for _, e := range strings.Split(string(b), "\n\n") {
			if !strings.HasPrefix(e, "Package: "+name+"\n") && !strings.HasPrefix(e, "P:"+name+"\n") {
				out = append(out, e)
			}
		}
		v.WriteFile(f, []byte(strings.Join(out, "\n\n")), 0o644)
	}
}

// unpack lays out a package's files and starts its unit.
func unpack(p *proc, name string, c pkg) {
	v := p.View()
	for _, d := range c.dirs {
		v.MkdirAll(d, 0o755)
	}
	if c.user != "" {
		if _, ok := p.LookupUser(c.user); !ok {
			addUser(p, c.user, true, false, map[string]string{"d": "/var/lib/" + c.user})
		}
	}
	for _, b := range strings.Fields(c.bins) {
		if _, err := v.Stat(b); err != nil {
			v.MkdirAll(path.Dir(b), 0o755)
			v.WriteFile(b, []byte(kernel.Stub+path.Base(b)), 0o755)
			v.Chmod(b, 0o755)
		}
	}
	for f, text := range c.files {
		if _, err := v.Lstat(f); err == nil {
			continue // a config file that is there already stays
		}
		v.MkdirAll(path.Dir(f), 0o755)
		if t, ok := strings.CutPrefix(text, "->"); ok {
			v.Symlink(t, f)
		} else {
			v.WriteFile(f, []byte(text), 0o644)
		}
	}
	if c.unit != "" && of(p) != nil && of(p).o.OS.Systemd() {
		q, err := p.Start(kernel.Child{Argv: []string{"systemctl", "--quiet", "enable", c.unit}})
		if err == nil {
			p.Wait(q)
		}
		if _, err := v.Stat("/usr/sbin/policy-rc.d.deny"); err != nil {
			of(p).start(c.unit)
		}
	}
}

func apt(p *proc, args []string) int {
	quiet, yes := 0, false
	var words []string
	for i := 1; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "-o" || a == "-c" || a == "-t":
			i++
		case strings.HasPrefix(a, "-o") || strings.HasPrefix(a, "--"):
			yes = yes || a == "--yes" || a == "--assume-yes"
		case strings.HasPrefix(a, "-"):
			quiet += strings.Count(a, "q")
			yes = yes || strings.Contains(a, "y")
		default:
			words = append(words, a)
		}
	}
	if len(words) == 0 {
		p.Printf("apt 2.6.1 (amd64)\n")
		return 0
	}
	if p.UID() != 0 {
		fmt.Fprintf(p.Stderr, "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)\nE: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?\n")
		return 100
	}
	say := func(format string, a ...any) {
		if quiet < 2 {
			p.Printf(format, a...)
		}
	}
	switch verb, names := words[0], words[1:]; verb {
	case "update":
		s := of(p)
		if s != nil {
			say("Hit:1 http://deb.debian.org/debian %s InRelease\nReading package lists...\n", s.o.OS.Codename)
		}
		p.Sleep(5 * time.Millisecond)
		p.View().WriteFile("/var/lib/apt/lists/virtual_InRelease", []byte("virtual\n"), 0o644)
		return 0
	case "install", "reinstall":
		return aptInstall(p, names, say)
	case "remove", "purge":
		for _, n := range names {
			c := catalogue()[n]
			if s := of(p); s != nil && c.unit != "" {
				s.stop(c.unit)
			}
			for _, b := range strings.Fields(c.bins) {
				p.View().Remove(b)
			}
			for f := range c.files {
				if strings.HasPrefix(f, "/usr/") || verb == "purge" {
					p.View().Remove(f)
				}
			}
			unrecord(p, n)
			say("Removing %s ...\n", n)
		}
		return 0
	case "upgrade", "dist-upgrade", "full-upgrade", "autoremove", "clean", "autoclean", "check", "autopurge":
		say("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
		return 0
	}
	fmt.Fprintf(p.Stderr, "E: Invalid operation %s\n", words[0])
	return 100
}

func aptInstall(p *proc, names []string, say func(string, ...any)) int {
	cat, have := catalogue(), installed(p)
	var todo []string
	for _, n := range names {
		n, _, _ = strings.Cut(n, "=")
		if have[n] != "" {
			say("%s is already the newest version (%s).\n", n, have[n])
			continue
		}
		if _, ok := cat[n]; !ok {
			fmt.Fprintf(p.Stderr, "E: Unable to locate package %s\n", n)
			return 100
		}
		todo = append(todo, n)
	}
	for _, n := range todo {
		say("Selecting previously unselected package %s.\nUnpacking %s ...\nSetting up %s ...\n", n, n, n)
		unpack(p, n, cat[n])
		record(p, n, "1.0-1")
	}
	return 0
}

func aptCache(p *proc, args []string) int {
	if len(args) < 3 {
		return 1
	}
	have, cat := installed(p), catalogue()
	for _, n := range args[2:] {
		_, known := cat[n]
		cand, inst := "(none)", "(none)"
		if known || have[n] != "" {
			cand = "1.0-1"
		}
		if have[n] != "" {
			inst, cand = have[n], have[n]
		}
		if args[1] == "policy" {
			p.Printf("%s:\n  Installed: %s\n  Candidate: %s\n", n, inst, cand)
		} else if cand == "(none)" {
			fmt.Fprintf(p.Stderr, "N: Unable to locate package %s\n", n)
			return 100
		} else {
			p.Printf("Package: %s\nVersion: %s\n", n, cand)
		}
	}
	return 0
}

func dpkg(p *proc, args []string) int {
	if len(args) < 2 {
		return 2
	}
	have := installed(p)
	switch args[1] {
	case "-s", "--status":
		return dpkgQuery(p, append([]string{"dpkg-query", "-s"}, args[2:]...))
	case "-l", "--list":
		return dpkgQuery(p, append([]string{"dpkg-query", "-l"}, args[2:]...))
	case "--print-architecture":
		p.Printf("amd64\n")
	case "--configure", "--audit", "-C":
	case "-L":
		for _, n := range args[2:] {
			c := catalogue()[n]
			p.Printf("%s\n", strings.Join(strings.Fields(c.bins), "\n"))
		}
	case "--get-selections":
		var names []string
		for n := range have {
			names = append(names, n)
		}
		sort.Strings(names)
		for _, n := range names {
			p.Printf("%s\tinstall\n", n)
		}
	case "--compare-versions":
		return p.Call("sh", "-c", `[ "$(printf '%s\n%s\n' "$1" "$3" | sort -V | head -n1)" = "$1" ] && case $2 in l*|"<"*) exit 0;; eq) [ "$1" = "$3" ];; *) [ "$1" = "$3" ];; esac || case $2 in g*|">"*) exit 0;; *) exit 1;; esac`, "sh", args[2], args[3], args[4])
	default:
		fmt.Fprintf(p.Stderr, "sandbox: dpkg %s is not supported by the virtual guest\n", args[1])
		return 2
	}
	return 0
}

func dpkgQuery(p *proc, args []string) int {
	have := installed(p)
	format, mode := "${Package}\t${Version}\n", ""
	var names []string
	for i := 1; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "-f" && i+1 < len(args):
			i++
			format = args[i]
		case strings.HasPrefix(a, "-f="):
			format = a[3:]
		case strings.HasPrefix(a, "-f"):
			format = a[2:]
		case strings.HasPrefix(a, "--showformat="):
			format = a[13:]
		case strings.HasPrefix(a, "-"):
			mode = a
		default:
			names = append(names, strings.TrimSuffix(a, ":amd64"))
		}
	}
	if len(names) == 0 {
		names = []string{"*"}
	}
	st := 0
	for _, n := range names {
		var hits []string
		for k := range have {
			if ok, _ := path.Match(n, k); ok {
				hits = append(hits, k)
			}
		}
		sort.Strings(hits)
		if len(hits) == 0 {
			if mode == "-s" || mode == "--status" {
				fmt.Fprintf(p.Stderr, "dpkg-query: package '%s' is not installed and no information is available\n", n)
			} else {
				fmt.Fprintf(p.Stderr, "dpkg-query: no packages found matching %s\n", n)
			}
			st = 1
		}
		for _, k := range hits {
			switch mode {
			case "-l", "--list":
				p.Printf("ii  %-30s %-15s amd64        %s\n", k, have[k], k)
			case "-s", "--status":
				p.Printf("Package: %s\nStatus: install ok installed\nVersion: %s\n", k, have[k])
			default:
				p.Printf("%s", dpkgFormat(format, k, have[k]))
			}
		}
	}
	return st
}

var dpkgField = regexp.MustCompile(`\$\{([^}]*)\}`)

func dpkgFormat(format, name, version string) string {
	vals := map[string]string{"Package": name, "binary:Package": name, "Version": version, "Status": "install ok installed", "db:Status-Status": "installed", "db:Status-Abbrev": "ii ", "Architecture": "amd64"}
	s := dpkgField.ReplaceAllStringFunc(format, func(m string) string {
		k, _, _ := strings.Cut(m[2:len(m)-1], ";")
		return vals[k]
	})
	return strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(s)
}

func apk(p *proc, args []string) int {
	var words []string
	e := false
	for i := 1; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-t" || a == "--virtual" || a == "-X" || a == "--repository":
			i++
		case strings.HasPrefix(a, "-"):
			e = e || a == "-e" || a == "--installed"
		default:
			words = append(words, a)
		}
	}
	if len(words) == 0 {
		return 1
	}
	have, cat := installed(p), catalogue()
	switch words[0] {
	case "update":
		p.Printf("OK: 25000 distinct packages available\n")
	case "info":
		st := 0
		for _, n := range words[1:] {
			if have[n] == "" {
				st = 1
			} else if e {
				p.Printf("%s\n", n)
			} else {
				p.Printf("%s-%s description:\n%s\n", n, have[n], n)
			}
		}
		if len(words) == 1 {
			for n := range have {
				p.Printf("%s\n", n)
			}
		}
		return st
	case "add":
		for _, n := range words[1:] {
			n, _, _ = strings.Cut(n, "=")
			if have[n] != "" {
				continue
			}
			c, ok := cat[n]
			if !ok {
				fmt.Fprintf(p.Stderr, "ERROR: unable to select packages:\n  %s (no such package):\n    required by: world[%s]\n", n, n)
				return 1
			}
			p.Printf("(1/1) Installing %s (1.0-r0)\n", n)
			unpack(p, n, c)
			record(p, n, "1.0-r0")
		}
		p.Printf("OK: 10 MiB in %d packages\n", len(installed(p)))
	case "del":
		for _, n := range words[1:] {
			unrecord(p, n)
		}
	case "upgrade", "fix", "cache":
	default:
		p.Errorf("sandbox: apk %s is not supported by the virtual guest", words[0])
		return 1
	}
	return 0
}
