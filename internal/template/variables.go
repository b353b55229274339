package template

import (
	"fmt"
	"math/big"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// variableDoc is one entry of variables.
type variableDoc struct {
	Type        string      `yaml:"type" enum:"string,int,number,bool,enum,list,port,hostname,ip" desc:"Default: string. The items of a list are words; scripts get them joined by spaces." example:"port"`
	Default     defaultDoc  `yaml:"default" desc:"What it is where nothing is set; of a list, a list." example:"8080"`
	Values      []string    `yaml:"values" desc:"What a variable of type enum can be." example:"[postgres, sqlite, none]"`
	Required    bool        `yaml:"required" desc:"Whether it must be set." example:"true"`
	Pattern     string      `yaml:"pattern" desc:"A regular expression that the whole value must match; of a list, each item." example:"'[a-z0-9.-]+'"`
	Min         boundDoc    `yaml:"min" desc:"The least value of an int, number or port." example:"1"`
	Max         boundDoc    `yaml:"max" desc:"The largest value of an int, number or port." example:"100"`
	Secret      bool        `yaml:"secret" desc:"Whether it must never be shown." example:"true"`
	Generate    generateDoc `yaml:"generate" desc:"Make a value where none is set, once: password or password(24), letters and digits; hex or hex(64), hexadecimal digits; uuid; ssh-key, an ed25519 private key, whose public half is NAME_pub; tls, a private key, whose self-signed certificate for the container's hostname is NAME_crt. true is password, a number its length." example:"password(24)"`
	Description string      `yaml:"description" desc:"One line for people." example:"the name of the site"`
	Notify      notifyDoc   `yaml:"notify" desc:"What depends on the value, and what to do with it after the value has changed: as for files. Files with template: true and scripts that name the variable need none." example:"app"`
}

// variables checks the declarations and returns them in the file's order. The public half
// of a generated key follows its variable.
func variables(doc map[string]variableDoc, d *decoder, warn func(Problem)) []Variable {
	var out []Variable
	upper := map[string]string{}
	for _, name := range inOrder(d, "variables", doc) {
		path := join("variables", name)
		key := d.keys[path]
		if why := badName(name); why != "" {
			d.at(key, "choose another name, such as "+betterName(name), "variable %q %s", name, why)
		}
		v := variable(path, name, doc[name], d)
		added := []Variable{v}
		if partner := v.Generate.partner(name); partner != "" {
			added = append(added, Variable{Name: partner, Type: "string", From: name, Description: "the public half of " + name})
		}
		out = append(out, added...)
		for _, v := range added {
			if other := upper[strings.ToUpper(v.Name)]; other != "" {
				d.at(key, "rename one of them", "variables %q and %q are both $%s", other, v.Name, EnvName(v.Name))
			}
			upper[strings.ToUpper(v.Name)] = v.Name
		}
		if v.Secret && v.HasDefault && v.Default != "" {
			p := Problem{File: d.file, Message: fmt.Sprintf("variable %q is secret, and its default can be read by all", name), Suggestion: "use generate or required"}
			p.Line, p.Col = key.Line, key.Column
			warn(p)
		}
	}
	return out
}

func variable(path, name string, doc variableDoc, d *decoder) Variable {
	v := Variable{
		Name: name, Type: doc.Type, Default: doc.Default.text, HasDefault: doc.Default.set, Values: doc.Values, Required: doc.Required,
		Pattern: doc.Pattern, Min: doc.Min.text, Max: doc.Max.text, Secret: doc.Secret, Generate: doc.Generate.g, Description: doc.Description,
		Notify: doc.Notify.list,
	}
	if v.Type == "" {
		v.Type = "string"
	}
	made := v.Generate.Any()
	if made && v.HasDefault {
		d.bad(join(path, "generate"), "remove one of them", "a variable has either a default or generate")
	}
	if made && v.Type != "string" {
		d.bad(join(path, "generate"), "use type: string", "only text can be generated, not type %s", v.Type)
	}
	v.checkPattern(path, d)
	v.checkValues(path, d)
	v.checkBounds(path, d)
	switch {
	case !v.HasDefault || !contains(Types, v.Type) || v.Type == "enum" && v.Values == nil:
	case doc.Default.list && v.Type != "list":
		d.bad(join(path, "default"), "use type: list", "a list is no default of type %s", v.Type)
	default:
		v.Default = v.normal(v.Default)
		if why := v.refuse(v.Default); why != "" {
			d.bad(join(path, "default"), "", "%s", why)
		}
	}
	return v
}

func (v *Variable) checkPattern(path string, d *decoder) {
	if v.Pattern == "" {
		return
	}
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

// checkValues checks the values of an enum. It needs a value in every container, because a
// script that compares the variable with its values would meet none of them.
func (v *Variable) checkValues(path string, d *decoder) {
	at := join(path, "values")
	switch {
	case v.Type != "enum":
		if v.Values != nil {
			d.bad(at, "use type: enum", "only an enum has values, not type %s", v.Type)
		}
		return
	case len(v.Values) == 0:
		d.bad(path, "values: [one, other]", "an enum needs its values")
		return
	case !v.HasDefault && !v.Required:
		d.bad(path, "default: "+v.Values[0], "an enum has a default, or is required")
	}
	for i, value := range v.Values {
		switch {
		case value == "" || badText([]byte(value)) != "":
			d.bad(index(at, i), "", "%q cannot be a value", value)
		case slices.Contains(v.Values[:i], value):
			d.bad(index(at, i), "remove one of them", "%q is given twice", value)
		}
	}
}

func (v *Variable) checkBounds(path string, d *decoder) {
	if v.Min == "" && v.Max == "" {
		return
	}
	at := join(path, "min")
	if v.Min == "" {
		at = join(path, "max")
	}
	switch {
	case !contains([]string{"int", "number", "port"}, v.Type):
		d.bad(at, "use type: int or number", "only a number has limits, not type %s", v.Type)
		v.Min, v.Max = "", ""
	case v.Min != "" && v.Max != "" && rational(v.Min).Cmp(rational(v.Max)) > 0:
		d.bad(at, "", "min %s is larger than max %s", v.Min, v.Max)
	}
}

// rational is the number in text, which matches the pattern number.
func rational(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return new(big.Rat)
	}
	return r
}

// normal is the form in which a value is kept: the items of a list are joined by one space.
func (v Variable) normal(text string) string {
	if v.Type == "list" {
		return strings.Join(strings.Fields(text), " ")
	}
	return text
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
	case "enum":
		ok, want = contains(v.Values, text), "one of "+strings.Join(v.Values, ", ")
	case "int":
		_, err := strconv.ParseInt(text, 10, 64)
		ok, want = err == nil, "a whole number"
	case "number":
		ok, want = number().MatchString(text), "a number"
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
	if why := v.outside(text); why != "" {
		return shown + why
	}
	items := []string{text}
	if v.Type == "list" {
		items = strings.Fields(text)
	}
	for _, item := range items {
		if v.Pattern == "" || regexp.MustCompile(anchored(v.Pattern)).MatchString(item) {
			continue
		}
		if !v.Secret {
			shown = strconv.Quote(item)
		}
		return fmt.Sprintf("%s does not match %s", shown, v.Pattern)
	}
	return ""
}

// outside returns how a number misses the variable's limits, or "".
func (v Variable) outside(text string) string {
	switch {
	case v.Min != "" && rational(text).Cmp(rational(v.Min)) < 0:
		return " is less than " + v.Min
	case v.Max != "" && rational(text).Cmp(rational(v.Max)) > 0:
		return " is more than " + v.Max
	}
	return ""
}

var (
	number  = lazy.Regexp(`^-?[0-9]+(\.[0-9]+)?$`)
	varName = lazy.Regexp(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
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

// betterName is a name like one that a variable cannot have.
func betterName(name string) string {
	word := strings.ToLower(strings.Trim(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(name, "_"), "_"))
	if badName(word) == "" && !strings.EqualFold(word, name) {
		return word
	}
	return "app_" + word
}

// badName returns the reason why a variable cannot have a name, or "".
func badName(name string) string {
	if !varName().MatchString(name) {
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
func EnvName(name string) string { return envPrefix + strings.ToUpper(name) }

const envPrefix = "INFRAHAUS_VAR_"

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
