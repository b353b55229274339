package system

import (
	"fmt"
	"path"
	"sort"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

const (
	halfConfigured = "half-configured"
	dpkgJournal    = "/var/lib/dpkg/updates/0000" // there while dpkg works, and after it was killed
)

// interrupted says that a dpkg was killed while it worked.
func interrupted(p *proc) bool {
	left, err := p.View().ReadDir("/var/lib/dpkg/updates")
	return err == nil && len(left) > 0
}

// states reads dpkg's database: package → state, such as installed.
func states(p *proc) map[string]string {
	out := map[string]string{}
	b, _ := p.View().ReadFile("/var/lib/dpkg/status")
	name := ""
	for _, l := range strings.Split(string(b), "\n") {
		if n, ok := strings.CutPrefix(l, "Package: "); ok {
			name = n
		}
		if s, ok := strings.CutPrefix(l, "Status: install ok "); ok {
			out[name] = s
		}
	}
	return out
}

// configure is dpkg --configure -a: it finishes packages that are half configured, and
// empties the journal.
func configure(p *proc, say func(string, ...any)) error {
	v := p.View()
	for n, state := range states(p) {
		if state != halfConfigured {
			continue
		}
		say("Setting up %s (%s) ...\n", n, installed(p)[n])
		b, err := v.ReadFile("/var/lib/dpkg/status")
		if err == nil {
			entry := "Package: " + n + "\nStatus: install ok "
			err = v.WriteFile("/var/lib/dpkg/status", []byte(strings.Replace(string(b), entry+state, entry+"installed", 1)), 0o644)
		}
		if err != nil {
			return err
		}
	}
	left, _ := v.ReadDir("/var/lib/dpkg/updates")
	for _, f := range left {
		if err := v.Remove("/var/lib/dpkg/updates/" + f.Name()); err != nil {
			return err
		}
	}
	return nil
}

// abbrev is the state as dpkg -l shows it.
func abbrev(state string) string {
	if state == halfConfigured {
		return "iF"
	}
	return "ii"
}

func audit(p *proc) {
	var half []string
	for n, state := range states(p) {
		if state == halfConfigured {
			half = append(half, n)
		}
	}
	sort.Strings(half)
	if len(half) > 0 {
		p.Printf("The following packages are only half configured, probably due to problems\nconfiguring them the first time.  The configuration should be retried using\ndpkg --configure <package> or the configure menu option in dselect:\n")
	}
	for _, n := range half {
		p.Printf(" %-20s %s\n", n, n)
	}
}

func dpkg(p *proc, args []string) int {
	for len(args) > 1 && strings.HasPrefix(args[1], "--force-") {
		args = append(args[:1:1], args[2:]...)
	}
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
	case "--configure":
		if err := configure(p, func(f string, a ...any) { p.Printf(f, a...) }); err != nil {
			fmt.Fprintf(p.Stderr, "dpkg: error: %s\n", kernel.Reason(err))
			return 2
		}
	case "--audit", "-C":
		audit(p)
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
		fmt.Fprintf(p.Stderr, "sandbox: dpkg %s"+kernel.NotHere+"\n", args[1])
		return 2
	}
	return 0
}

func dpkgQuery(p *proc, args []string) int {
	have, state := installed(p), states(p)
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
				p.Printf("%s  %-30s %-15s amd64        %s\n", abbrev(state[k]), k, have[k], k)
			case "-s", "--status":
				p.Printf("Package: %s\nStatus: install ok %s\nVersion: %s\n", k, state[k], have[k])
			default:
				p.Printf("%s", dpkgFormat(format, k, have[k], state[k]))
			}
		}
	}
	return st
}

var dpkgField = lazy.Regexp(`\$\{([^}]*)\}`)

func dpkgFormat(format, name, version, state string) string {
	vals := map[string]string{"Package": name, "binary:Package": name, "Version": version, "Status": "install ok " + state, "db:Status-Status": state, "db:Status-Abbrev": abbrev(state) + " ", "Architecture": "amd64"}
	s := dpkgField().ReplaceAllStringFunc(format, func(m string) string {
		k, _, _ := strings.Cut(m[2:len(m)-1], ";")
		return vals[k]
	})
	return strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(s)
}
