package system

import (
	"fmt"
	"path"
	"regexp"
	"sort"
	"strings"
)

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
