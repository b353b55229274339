package system

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// row returns the fields of a container for a --format of docker ps.
func (c *container) row(whole bool) map[string]string {
	r := map[string]string{"ID": c.id, "Names": c.name, "Image": c.image, "Command": `"busybox httpd"`, "Ports": "", "Labels": "",
		"Status": "Exited (137) " + ago(c.since), "State": "exited", "RunningFor": ago(c.since),
		"CreatedAt": c.since.UTC().Format("2006-01-02 15:04:05 +0000 UTC")}
	if c.alive() {
		r["Status"], r["State"] = "Up "+strings.TrimSuffix(ago(c.since), " ago"), "running"
		if c.host != 0 {
			r["Ports"] = fmt.Sprintf("0.0.0.0:%d->%d/tcp, :::%d->%d/tcp", c.host, c.inner, c.host, c.inner)
		}
	}
	if !whole {
		r["ID"] = c.id[:12]
	}
	return r
}

func (c *container) alive() bool {
	select {
	case <-c.main.Done():
		return false
	default:
		return true
	}
}

func ago(t time.Time) string { return strconv.Itoa(int(time.Since(t).Seconds())) + " seconds ago" }

// psFlags are the options of docker ps that scripts use.
type psFlags struct {
	all, quiet, whole bool
	format            string
	filters           []string
}

func psArgs(args []string) (f psFlags) {
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		if name == "--format" || name == "--filter" || name == "-f" {
			if !joined && i+1 < len(args) {
				i++
				value = args[i]
			}
			if name == "--format" {
				f.format = value
			} else {
				f.filters = append(f.filters, value)
			}
			continue
		}
		f.all = f.all || name == "--all" || name == "-a" || name == "-aq" || name == "-qa"
		f.quiet = f.quiet || name == "--quiet" || name == "-q" || name == "-aq" || name == "-qa"
		f.whole = f.whole || name == "--no-trunc"
	}
	return f
}

// picks reports whether a container passes the filters.
func (f psFlags) picks(c *container) bool {
	for _, s := range f.filters {
		key, value, _ := strings.Cut(s, "=")
		ok := false
		switch key {
		case "name":
			re, err := regexp.Compile(value)
			ok = err == nil && (re.MatchString(c.name) || re.MatchString("/"+c.name))
		case "publish":
			port, _, _ := strings.Cut(value, "/")
			ok = port == strconv.Itoa(c.host)
		case "status":
			ok = value == c.row(true)["State"]
		}
		if !ok {
			return false
		}
	}
	return true
}

// list is docker ps. As in 20.10, --format json is a template without actions: it prints
// that word for each container.
func (d *docker) list(p *proc, args []string) int {
	f := psArgs(args)
	format := strings.TrimPrefix(f.format, "table ")
	switch {
	case f.quiet:
		format = "{{.ID}}"
	case format == "":
		format = "{{.ID}}   {{.Image}}   {{.Command}}   {{.RunningFor}}   {{.Status}}   {{.Ports}}   {{.Names}}"
		p.Printf("CONTAINER ID   IMAGE   COMMAND   CREATED   STATUS   PORTS   NAMES\n")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.containers {
		if !f.picks(c) || !f.all && !c.alive() {
			continue
		}
		line, err := formatted(format, c.row(f.whole))
		if err != nil {
			return complain(p, err)
		}
		p.Printf("%s\n", line)
	}
	return 0
}

var formatAction = lazy.Regexp(`\{\{ *(.*?) *\}\}`)

// formatted fills in a --format: fields, json, and Label, which is empty for all
// containers here. It does not use text/template, which would enlarge the program by a
// third.
func formatted(format string, fields map[string]string) (string, error) {
	format = strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(format)
	var wrong error
	line := formatAction().ReplaceAllStringFunc(format, func(action string) string {
		word := formatAction().FindStringSubmatch(action)[1]
		value, ok := fields[strings.TrimPrefix(word, ".")]
		switch {
		case word == "json .":
			text, _ := json.Marshal(fields) // cannot fail: the fields are strings
			return string(text)
		case strings.HasPrefix(word, ".Label "):
			return ""
		case !ok && wrong == nil:
			wrong = fmt.Errorf("template: :1:2: executing \"\" at <%s>: can't evaluate field", word)
		}
		return value
	})
	return line, wrong
}

// named finds the container with the name in the last word.
func (d *docker) named(words []string) (*container, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := ""
	if len(words) > 0 {
		name = words[len(words)-1]
	}
	for _, c := range d.containers {
		if c.name == name || name != "" && strings.HasPrefix(c.id, name) {
			return c, nil
		}
	}
	return nil, fmt.Errorf("Error: No such container: %s", name) //nolint:staticcheck // docker's words
}

func complain(p *proc, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(p.Stderr, "%s\n", err)
	return 1
}

// inspect supports the part that scripts use: the state.
func (d *docker) inspect(p *proc, args []string) int {
	format := "{{json .}}"
	for i, a := range args {
		if (a == "-f" || a == "--format") && i+1 < len(args) {
			format = args[i+1]
		}
	}
	c, err := d.named(args)
	if err != nil {
		return complain(p, err)
	}
	fields := map[string]string{"Id": c.id, "Name": "/" + c.name, "State.Status": "running", "State.Running": "true", "State.ExitCode": "0"}
	if !c.alive() {
		fields["State.Status"], fields["State.Running"], fields["State.ExitCode"] = "exited", "false", "137"
	}
	line, err := formatted(format, fields)
	if err != nil {
		return complain(p, err)
	}
	p.Printf("%s\n", line)
	return 0
}
