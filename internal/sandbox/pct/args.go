package pct

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/schema"
)

// own are the options of commands that are not API calls, with their types.
var own = map[string]map[string]string{
	"exec":   {"keep-env": "boolean"},
	"push":   {"user": "string", "group": "string", "perms": "string"},
	"pull":   {"user": "string", "group": "string", "perms": "string"},
	"status": {"verbose": "boolean"},
	"enter":  {"keep-env": "boolean"},
	"rescan": {"vmid": "integer", "dryrun": "boolean"},
}

func (s subcommand) name() string {
	name, _, _ := strings.Cut(s.usage, " ")
	return name
}

// parse reads arguments as Proxmox's command line does: options may stand anywhere before
// --, in any of the forms -o v, --o v and --o=v.
func (s subcommand) parse(args []string, major int) (*call, error) {
	c := &call{params: node.Params{}, major: major}
	var rest, bad []string // the second: what is wrong with options, all of it
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		if a == "--" || s.refused() {
			if a != "--" {
				rest = append(rest, a)
			}
			rest = append(rest, args...)
			break
		}
		if !strings.HasPrefix(a, "-") || a == "-" {
			rest = append(rest, a)
			continue
		}
		var wrong string
		if args, wrong = s.option(c, a, args); wrong != "" {
			bad = append(bad, wrong)
		}
	}
	if len(bad) > 0 {
		return nil, errors.New(strings.Join(bad, "\n") + "\n400 unable to parse option\npct " + s.usage)
	}
	return c, s.positional(c, rest)
}

// option removes one option and its value from the front, and says what is wrong with it as
// Getopt::Long does, which then reads on.
func (s subcommand) option(c *call, a string, args []string) ([]string, string) {
	key, value, has := strings.Cut(strings.TrimLeft(a, "-"), "=")
	kind, known := s.kind(c, key)
	switch {
	case !known:
		return args, "Unknown option: " + key
	case has:
	case kind == "boolean" && (len(args) == 0 || strings.HasPrefix(args[0], "-")):
		value = "1"
	case len(args) == 0:
		return args, "Option " + key + " requires an argument"
	default:
		value, args = args[0], args[1:]
	}
	if kind == "boolean" {
		value = truth(value)
	}
	c.params[key] = value
	return args, ""
}

func (s subcommand) kind(c *call, key string) (string, bool) {
	if k, ok := own[s.name()][key]; ok {
		return k, true
	}
	if s.route == "" || key == "node" {
		return "", false
	}
	table := schema.Table(c.major)[s.route]
	if p, ok := table[key]; ok {
		return p.Type, true
	}
	p, ok := table[strings.TrimRight(key, "0123456789")+"[n]"]
	return p.Type, ok
}

// truth maps the words that the command line accepts for a boolean to 0 and 1.
func truth(v string) string {
	switch strings.ToLower(v) {
	case "1", "on", "yes", "true":
		return "1"
	case "0", "off", "no", "false":
		return "0"
	}
	return v
}

func (s subcommand) positional(c *call, rest []string) error {
	if len(rest) < len(s.args) {
		return fmt.Errorf("400 not enough arguments\npct %s", s.usage)
	}
	for i, name := range s.args {
		c.params[name] = rest[i]
	}
	if c.extra = rest[len(s.args):]; len(c.extra) > 0 && !s.extra {
		return fmt.Errorf("400 too many arguments\npct %s", s.usage)
	}
	return s.check(c)
}

func (s subcommand) check(c *call) error {
	table := schema.Table(c.major)[s.route]
	params := maps.Clone(c.params)
	if table == nil {
		table = schema.Table(c.major)["GET /nodes/{node}/lxc/{vmid}/status/current"]
		params = node.Params{}
		if v, ok := c.params["vmid"]; ok {
			params["vmid"] = v
		}
	}
	if len(s.args) == 0 {
		return nil
	}
	params["node"] = node.Name // it is checked for its form alone
	if bad := table.Check(params); bad != nil {
		return badParameters(bad, s.usage)
	}
	c.vmid, _ = strconv.Atoi(c.params["vmid"])
	return nil
}

func badParameters(bad map[string]string, usage string) error {
	var b strings.Builder
	b.WriteString("400 Parameter verification failed.\n")
	for _, k := range slices.Sorted(maps.Keys(bad)) {
		b.WriteString(k + ": " + strings.TrimSuffix(bad[k], "\n") + "\n")
	}
	b.WriteString("pct " + usage)
	return errors.New(b.String())
}
