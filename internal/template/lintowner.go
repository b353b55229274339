package template

import (
	"regexp"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// baseUsers are the users and groups that Debian, Alpine and their relatives have before
// anything is installed.
var baseUsers = strings.Fields(`root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats nobody nogroup
	_apt systemd-network systemd-resolve systemd-timesync systemd-journal messagebus sshd ubuntu adm tty disk kmem dialout fax voice cdrom
	floppy tape sudo audio dip operator src shadow utmp video sasl plugdev staff users input kvm render sgx crontab ssl-cert halt shutdown
	ftp at squid xfs postmaster cyrus vpopmail ntp smmsp guest wheel netdev ping readproc locate polkitd dbus tss postdrop postfix`)

var (
	makesUsers = lazy.Regexp(`\b(useradd|adduser|addgroup|groupadd|newusers|usermod|systemd-sysusers|deploy-user|curl|wget|git)\b|` +
		`\b(apt|apt-get|apk|dnf|yum|ensure_installed|dpkg|rpm|pip|npm)\b`)
	notLetters = lazy.Regexp(`[^a-z]+`)
)

// owners finds users and groups that own files and that nothing makes, as far as can be seen:
// no base system, no package of a similar name, no script that makes users or installs
// something and names them.
func (c *lint) owners() {
	said := map[string]bool{}
	files := slices.Clone(c.t.Files)
	for _, d := range c.t.Directories {
		files = append(files, File{Target: d.Target, Owner: d.Owner, inherited: c.l.parent != nil && slices.Contains(c.l.parent.Directories, d)})
	}
	for _, f := range files {
		if f.inherited {
			continue
		}
		user, group, _ := strings.Cut(f.Owner, ":")
		home := ""
		if rest, ok := strings.CutPrefix(f.Target, "/home/"); ok && user == "" && strings.Contains(rest, "/") {
			home, _, _ = strings.Cut(rest, "/")
		}
		for _, who := range []struct{ kind, name, better string }{
			{"user", user, ""}, {"group", group, ""}, {"user", home, "write owner: root if it is nobody's home; "},
		} {
			if who.name == "" || said[who.kind+who.name] || strings.Trim(who.name, "0123456789") == "" || contains(baseUsers, who.name) || c.mayMake(who.name) {
				continue
			}
			said[who.kind+who.name] = true
			if c.t.Legacy {
				who.better = ""
			}
			command := map[string]string{"user": "useradd -m ", "group": "groupadd "}[who.kind] + who.name
			c.atFile(f, who.better+"a script can make it: "+command,
				"nothing in the template makes the "+who.kind+" "+who.name+", for whom "+f.Target+" waits")
		}
	}
}

// mayMake reports whether a package or script may make a user or group.
func (c *lint) mayMake(name string) bool {
	like := letters(name)
	for _, names := range c.t.Packages.Names {
		for _, p := range names {
			if similar(like, letters(p)) {
				return true
			}
		}
	}
	for _, p := range c.t.Packages.Custom {
		if similar(like, letters(p.Name)) {
			return true
		}
	}
	w := word(name)
	for _, t := range c.texts {
		// A script may name the user by a variable, or run another program that makes it.
		if t.script && makesUsers().MatchString(t.content) && (w.MatchString(t.content) || regexp.MustCompile(`(useradd|adduser|newusers)[^\n]*\$`).MatchString(t.content)) {
			return true
		}
		if strings.Contains(t.file, "sysusers") && w.MatchString(t.content) {
			return true
		}
	}
	return false
}

// letters is a name without digits, dots and dashes: php8.2-fpm and php-fpm are alike.
func letters(name string) string { return notLetters().ReplaceAllString(strings.ToLower(name), "") }

// similar reports whether one name holds the other: postgres and postgresql.
func similar(a, b string) bool {
	return a != "" && b != "" && (strings.Contains(a, b) || strings.Contains(b, a))
}

// services finds declared services of which nothing else in the template speaks. Where
// packages are installed, any of them may bring the unit.
func (c *lint) services() {
	if !c.t.Packages.Empty() {
		return
	}
	for _, s := range c.t.Services {
		at, own := c.serviceAt(s.Name)
		if !own {
			continue
		}
		name := s.Unit
		if name == "" {
			name = s.Name
		}
		base, _, _ := strings.Cut(strings.TrimSuffix(name, ".service"), "@")
		if contains([]string{"ssh", "sshd", "cron", "crond", "dropbear"}, base) || strings.HasPrefix(base, "systemd-") {
			continue
		}
		mentioned := false
		for _, t := range c.texts {
			mentioned = mentioned || t.script && makesUsers().MatchString(t.content) || strings.Contains(t.content, base) || strings.Contains(t.file, base)
		}
		for _, f := range c.t.Files {
			mentioned = mentioned || strings.Contains(f.Target, base)
		}
		if !mentioned {
			c.add(at, false, "install a package that has it, or ship its unit to /etc/systemd/system",
				"no package, file or script of the template brings the service %q", s.Name)
		}
	}
}

// serviceAt is where a service is named in the template's own file.
func (c *lint) serviceAt(name string) (at string, own bool) {
	for i := 0; c.d != nil && c.d.values[index("services", i)] != nil; i++ {
		at = index("services", i) + ".name"
		if n := c.d.values[at]; n != nil && n.Value == name {
			return at, true
		}
	}
	return "services", c.d == nil
}
