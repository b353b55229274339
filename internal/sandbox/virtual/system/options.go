package system

import (
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// given are the options that a program got, each under one name, and its operands.
type given struct {
	set  map[string]string
	rest []string
}

func (w given) has(name string) bool {
	_, ok := w.set[name]
	return ok
}

// parseOptions reads options. known has them as "s:shell=", where a letter, a long name or
// both may stand, and = says that a value follows. The option is then called by its long
// name, or by its letter. An unknown option is refused.
func parseOptions(p *proc, args []string, known string) (given, bool) {
	names, valued := map[string]string{}, map[string]bool{}
	for _, k := range strings.Fields(known) {
		k, value := strings.CutSuffix(k, "=")
		letter, long, both := strings.Cut(k, ":")
		if !both {
			long = letter
		}
		names[letter], names[long], valued[long] = long, long, value
	}
	w := given{set: map[string]string{}}
	for args = args[1:]; len(args) > 0; {
		a := args[0]
		args = args[1:]
		var found []string
		value, with := "", false
		switch {
		case a == "--":
			w.rest = append(w.rest, args...)
			return w, true
		case strings.HasPrefix(a, "--"):
			name := ""
			if name, value, with = strings.Cut(a[2:], "="); len(name) > 1 {
				found = append(found, name)
			}
		case len(a) > 1 && a[0] == '-':
			found = strings.Split(a[1:], "")
			if valued[names[found[0]]] && len(a) > 2 {
				found, value, with = found[:1], a[2:], true
			}
		default:
			w.rest = append(w.rest, a)
			continue
		}
		for i, f := range found {
			name := names[f]
			switch {
			case name == "" || with && !valued[name] || i < len(found)-1 && valued[name]:
				p.Errorf("unsupported option: %s"+kernel.NotHere, a)
				return w, false
			case valued[name] && !with && len(args) == 0:
				p.Errorf("option '%s' requires an argument", a)
				return w, false
			case valued[name] && !with:
				value, args = args[0], args[1:]
			}
			w.set[name] = value
		}
		if len(found) == 0 {
			p.Errorf("unsupported option: %s"+kernel.NotHere, a)
			return w, false
		}
	}
	return w, true
}

// oneName says whether there is one operand, and complains otherwise.
func oneName(p *proc, w given) bool {
	if len(w.rest) != 1 {
		p.Errorf("one name is needed, not %d", len(w.rest))
	}
	return len(w.rest) == 1
}

func refuse(p *proc, what string) { p.Errorf("sandbox: %s"+kernel.NotHere, what) }

// simple reads options whose letters in valued take a value. It knows no option by name:
// a program that uses it ignores the ones that it does not look for.
func simple(args []string, valued string) (o map[string]string, rest []string) {
	o = map[string]string{}
	for i := 1; i < len(args); i++ {
		a := args[i]
		switch {
		case strings.HasPrefix(a, "--"):
			k, v, _ := strings.Cut(a[2:], "=")
			o[k] = v
		case len(a) > 1 && a[0] == '-':
			for k := 1; k < len(a); k++ {
				if strings.IndexByte(valued, a[k]) >= 0 {
					v := a[k+1:]
					if v == "" && i+1 < len(args) {
						i++
						v = args[i]
					}
					o[string(a[k])] = v
					break
				}
				o[string(a[k])] = ""
			}
		default:
			rest = append(rest, a)
		}
	}
	return o, rest
}
