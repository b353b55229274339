package system

import (
	"path"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func packageCommands() map[string]kernel.Command {
	return map[string]kernel.Command{"apt-get": apt, "apt": apt, "apt-cache": aptCache, "dpkg": dpkg, "dpkg-query": dpkgQuery,
		"debconf-set-selections": nothing, // no package here reads an answer
		"apk":                    apk}
}

// pkg is a package of the catalogue: the programs and files it brings.
type pkg struct {
	bins  string // absolute paths of programs
	files map[string]string
	dirs  []string
	unit  string // enabled and started
	user  string
}

// catalogue has no package whose programs all lack: apt-get refuses it, instead of a
// program that fails after its package was installed.
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
		"docker.io": docker, "openssh-server": sshd, "openssh": sshd, "curl": prog("/usr/bin/curl"), "wget": prog("/usr/bin/wget"), "sudo": prog("/usr/bin/sudo"),
		"netcat-openbsd": prog("/usr/bin/nc"), "bash": prog("/usr/bin/bash"), "busybox-static": prog("/usr/bin/busybox"), "busybox": prog("/usr/bin/busybox"), "net-tools": prog("/usr/bin/netstat"), "iproute2-ss": prog("/usr/bin/ss"),
		"ca-certificates": {}, "apt-transport-https": {}, "unattended-upgrades": {}, "locales": {}, "tzdata": {},
		"openssl": {}, "procps": {}, "psmisc": prog("/usr/bin/killall"), "iputils-ping": {}, "cron": {}}
}

// Packages are the packages of the catalogue, each with the names of its programs.
func Packages() map[string][]string {
	all := map[string][]string{}
	for name, c := range catalogue() {
		all[name] = nil
		for _, file := range strings.Fields(c.bins) {
			all[name] = append(all[name], path.Base(file))
		}
	}
	return all
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

// record writes down a package that is there, installed, or, on Debian, in
// another of dpkg's states.
func record(p *proc, name, version, state string) error {
	v := p.View()
	if b, err := v.ReadFile("/var/lib/dpkg/status"); err == nil {
		return v.WriteFile("/var/lib/dpkg/status", append(b, "Package: "+name+"\nStatus: install ok "+state+"\nArchitecture: amd64\nVersion: "+version+"\nDescription: "+name+"\n\n"...), 0o644)
	}
	b, _ := v.ReadFile("/lib/apk/db/installed")
	return v.WriteFile("/lib/apk/db/installed", append(b, "P:"+name+"\nV:"+version+"\n\n"...), 0o644)
}

func unrecord(p *proc, name string) error {
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
		if err := v.WriteFile(f, []byte(strings.Join(out, "\n\n")), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// unpack lays out a package's files and starts its unit.
func unpack(p *proc, name string, c pkg) error {
	v := p.View()
	e := edits{v: v}
	for _, d := range c.dirs {
		e.mkdir(d)
	}
	if c.user != "" {
		if _, ok := p.LookupUser(c.user); !ok {
			addUser(p, account{name: c.user, system: true, upwards: true, home: "/var/lib/" + c.user, shell: "/usr/sbin/nologin"})
		}
	}
	for _, b := range strings.Fields(c.bins) {
		if _, err := v.Stat(b); err != nil {
			e.program(b, kernel.Stub+path.Base(b))
		}
	}
	for f, text := range c.files {
		if _, err := v.Lstat(f); err == nil {
			continue // a config file that is there already stays
		}
		if t, ok := strings.CutPrefix(text, "->"); ok {
			e.link(t, f)
		} else {
			e.write(f, text, 0o644)
		}
	}
	if e.err != nil {
		return e.err
	}
	if c.unit != "" && of(p) != nil && of(p).o.OS.Systemd() {
		q, err := p.Start(kernel.Child{Argv: []string{"systemctl", "--quiet", "enable", c.unit}})
		if err == nil {
			p.Wait(q)
		}
		if _, err := v.Stat("/usr/sbin/policy-rc.d.deny"); err != nil {
			_ = of(p).start(c.unit) // as deb-systemd-invoke does: the package is installed, its unit failed
		}
	}
	return nil
}
