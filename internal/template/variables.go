package template

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// variables checks the declarations and returns them in the file's order.
func variables(doc map[string]variableDoc, d *decoder, warn func(Problem)) []Variable {
	var out []Variable
	upper := map[string]string{}
	for _, name := range inOrder(d, "variables", doc) {
		path := join("variables", name)
		key := d.keys[path]
		if why := badName(name); why != "" {
			d.at(key, "choose another name, such as app_"+strings.ToLower(strings.Trim(name, "_")), "variable %q %s", name, why)
		}
		if other := upper[strings.ToUpper(name)]; other != "" {
			d.at(key, "rename one of them", "variables %q and %q are both $%s", other, name, EnvName(name))
		}
		upper[strings.ToUpper(name)] = name
		v := variable(path, name, doc[name], d)
		if v.Secret && v.HasDefault && v.Default != "" {
			p := Problem{File: d.file, Message: fmt.Sprintf("variable %q is secret, and its default can be read by all", name), Suggestion: "use generate or required"}
			p.Line, p.Col = key.Line, key.Column
			warn(p)
		}
		out = append(out, v)
	}
	return out
}

func variable(path, name string, doc variableDoc, d *decoder) Variable {
	v := Variable{
		Name: name, Type: doc.Type, Default: doc.Default.text, HasDefault: doc.Default.set, Required: doc.Required,
		Pattern: doc.Pattern, Secret: doc.Secret, Generate: doc.Generate.g, Description: doc.Description, Notify: doc.Notify.list,
	}
	if v.Type == "" {
		v.Type = "string"
	}
	made := v.Generate != Generate{}
	if made && v.HasDefault {
		d.bad(join(path, "generate"), "remove one of them", "a variable has either a default or generate")
	}
	if made && v.Type != "string" {
		d.bad(join(path, "generate"), "use type: string", "only text can be generated, not type %s", v.Type)
	}
	if v.Pattern != "" {
		// Compile the pattern without anchors first: with them, "a)|(b" would be valid.
		_, err := regexp.Compile(v.Pattern)
		if err == nil {
			_, err = regexp.Compile(anchored(v.Pattern))
		}
		if err != nil {
			d.bad(join(path, "pattern"), "RE2 syntax, as Go's regexp has it", "%q is not a regular expression: %s", v.Pattern, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
			v.Pattern = ""
		}
	}
	if v.HasDefault && contains(Types, v.Type) {
		if why := v.refuse(v.Default); why != "" {
			d.bad(join(path, "default"), "", "%s", why)
		}
	}
	return v
}

func anchored(pattern string) string { return `^(?:` + pattern + `)$` }

// refuse returns the reason why the variable cannot have a value, or "". It never repeats
// a secret.
func (v Variable) refuse(text string) string {
	shown := fmt.Sprintf("%q", text)
	if v.Secret {
		shown = "the value"
	}
	if why := badText([]byte(text)); why != "" {
		return shown + " cannot be used: " + why
	}
	var ok bool
	want := v.Type
	switch v.Type {
	case "int":
		_, err := strconv.ParseInt(text, 10, 64)
		ok, want = err == nil, "a whole number"
	case "number":
		ok, want = number.MatchString(text), "a number"
	case "bool":
		ok, want = text == "true" || text == "false", "true or false"
	case "port":
		n, err := strconv.Atoi(text)
		ok, want = err == nil && n >= 1 && n <= 65535, "a port, 1..65535"
	case "hostname":
		ok, want = lxc.WrongHostname(text) == "", "a host name"
	case "ip":
		a, err := netip.ParseAddr(text)
		ok, want = err == nil && a.Zone() == "", "an IP address"
	default:
		ok = true
	}
	if !ok {
		return shown + " is not " + want
	}
	if v.Pattern != "" && !regexp.MustCompile(anchored(v.Pattern)).MatchString(text) {
		return fmt.Sprintf("%s does not match %s", shown, v.Pattern)
	}
	return ""
}

var (
	number  = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
	varName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
)

// reserved are names that change how a shell, the loader or our own code in the guest
// works.
var reserved = strings.Fields(`
	_ BASH CDPATH COLUMNS DEBIAN_FRONTEND DIRSTACK EDITOR ENV EUID FCEDIT FIGNORE FPATH FUNCNAME GLOBIGNORE GROUPS
	HISTFILE HOME HOSTALIASES HOSTNAME IFS LANG LANGUAGE LINENO LINES LOCALDOMAIN LOGNAME MACHTYPE MAIL MAILPATH
	NLSPATH NODE_OPTIONS NODE_PATH OLDPWD OPTARG OPTERR OPTIND OSTYPE PATH PIPESTATUS POSIXLY_CORRECT PPID
	PROMPT_COMMAND PS0 PS1 PS2 PS3 PS4 PWD RANDOM REPLY RESOLV_HOST_CONF RES_OPTIONS RUBYLIB RUBYOPT SECONDS SHELL
	SHELLOPTS SHLVL TEMPLATE_NAME TERM TMPDIR TZDIR UID USER`)

// reservedPrefixes are families of such names.
var reservedPrefixes = []string{"LD_", "DYLD_", "BASH_", "BASHOPTS", "LC_", "PYTHON", "PERL5", "GCONV_", "MALLOC_", "GLIBC_", "INFRAHAUS_", "CONFIG_MANAGER_", "CONTAINER_", "SYSTEMD_"}

// badName returns the reason why a variable cannot have a name, or "".
func badName(name string) string {
	if !varName.MatchString(name) {
		return "is no name: letters, digits and _, at most 64, not starting with a digit"
	}
	if slices.Contains(reserved, name) {
		return "would change how scripts are run"
	}
	for _, p := range reservedPrefixes {
		if strings.HasPrefix(name, p) {
			return "would change how scripts are run (" + p + "…)"
		}
	}
	return ""
}

// EnvName is the second name of a variable in a script's environment.
func EnvName(name string) string { return "INFRAHAUS_VAR_" + strings.ToUpper(name) }

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
