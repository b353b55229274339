package system

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// pgState is where the simulated server keeps its roles and databases, a line
// each: "role=app".
const pgState = "/var/lib/postgresql/15/main/virtual"

var (
	pgChange = lazy.Regexp(`(?is)^(CREATE|ALTER|DROP)\s+(ROLE|USER|DATABASE)\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"?(\w+)"?`)
	pgHarm   = lazy.Regexp(`(?is)^(SET|RESET|GRANT|REVOKE|COMMENT|BEGIN|COMMIT)\b`)
	pgAsk    = lazy.Regexp(`(?is)^select\s+1(?:\s+from\s+(pg_roles|pg_user|pg_database)\s+where\s+(?:rolname|usename|datname)\s*=\s*'(\w+)')?$`)
)

// psql answers what guest scripts ask of a new server: roles and databases are
// made, changed, dropped and looked for. Any other statement is refused by name.
func psql(p *proc, args []string) int {
	// libpq looks for its own program, and goes back to where it was called.
	if v := p.View(); v.Access(v.Cwd, 1) != nil {
		fmt.Fprintf(p.Stderr, "could not change directory to \"%s\": Permission denied\n", v.Cwd)
	}
	up := false
	for _, s := range p.M.Sockets() {
		up = up || s.Port == 5432
	}
	if !up {
		p.Errorf("error: connection to server on socket \"/var/run/postgresql/.s.PGSQL.5432\" failed: No such file or directory")
		return 2
	}
	script, quiet, stop, ok := psqlScript(p, args[1:])
	if !ok {
		return 1
	}
	for _, q := range statements(script) {
		out, ok := pgRun(p, q)
		if !ok {
			p.Errorf("sandbox: this statement is not supported by the virtual guest: %s", q)
			if stop {
				return 3
			}
			return 1
		}
		if out != "" && (!quiet || strings.HasPrefix(strings.ToLower(q), "select")) {
			p.Printf("%s\n", out)
		}
	}
	return 0
}

// psqlScript returns the statements that the arguments name: -c, -f or standard input.
func psqlScript(p *proc, args []string) (script string, quiet, stop, ok bool) {
	given := false
	for i := 0; i < len(args); i++ {
		a := args[i]
		if len(a) < 2 || a[0] != '-' || a[1] == '-' {
			quiet = quiet || a == "--quiet"
			continue
		}
		k := strings.IndexAny(a, "cfvUdhpF")
		quiet = quiet || strings.Contains(a[:max(k, 0)], "q") || k < 0 && strings.Contains(a, "q")
		if k < 0 {
			continue
		}
		val := a[k+1:]
		if val == "" && i+1 < len(args) {
			i++
			val = args[i]
		}
		switch a[k] {
		case 'c':
			script, given = script+val+";\n", true
		case 'f':
			b, err := p.View().ReadFile(val)
			if err != nil {
				p.Errorf("error: %s: %s", val, kernel.Reason(err))
				return "", false, false, false
			}
			script, given = script+string(b)+";\n", true
		case 'v':
			stop = stop || val == "ON_ERROR_STOP=1" || val == "ON_ERROR_STOP=on"
		}
	}
	if given {
		return script, quiet, stop, true
	}
	b, err := io.ReadAll(p.Stdin)
	return string(b), quiet, stop, err == nil
}

// statements cuts a script at the semicolons that are in no string.
func statements(s string) []string {
	var out []string
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '-' && strings.HasPrefix(s[i:], "--"):
			for i < len(s) && s[i] != '\n' {
				i++
			}
			continue
		case c == ';':
			out = append(out, strings.TrimSpace(b.String()))
			b.Reset()
			continue
		}
		b.WriteByte(s[i])
	}
	out = append(out, strings.TrimSpace(b.String()))
	kept := out[:0]
	for _, q := range out {
		if q != "" {
			kept = append(kept, q)
		}
	}
	return kept
}

// pgRun runs one statement; ok is false for one that is not known.
func pgRun(p *proc, q string) (out string, ok bool) {
	if m := pgAsk().FindStringSubmatch(q); m != nil {
		kind := "role"
		if strings.EqualFold(m[1], "pg_database") {
			kind = "database"
		}
		if m[1] == "" || pgKnows(p, kind+"="+m[2]) {
			return "1", true
		}
		return "", true
	}
	if m := pgHarm().FindString(q); m != "" {
		return strings.ToUpper(m), true
	}
	m := pgChange().FindStringSubmatch(q)
	if m == nil {
		return "", false
	}
	verb, kind, name := strings.ToUpper(m[1]), strings.ToLower(m[2]), m[3]
	if kind == "user" {
		kind = "role"
	}
	if err := pgNote(p, kind+"="+name, verb == "DROP"); err != nil {
		p.Errorf("ERROR:  could not write: %s", kernel.Reason(err))
		return "", true
	}
	return verb + " " + strings.ToUpper(kind), true
}

// pgLines are the server's roles and databases, read past the caller's rights.
func pgLines(p *proc) (*fsys.View, []string) {
	v := &fsys.View{FS: p.M.FS, Cwd: "/"}
	b, _ := v.ReadFile(pgState)
	return v, strings.Fields(string(b))
}

func pgKnows(p *proc, what string) bool {
	_, lines := pgLines(p)
	return slices.Contains(append(lines, "role=postgres", "database=postgres", "database=template1"), what)
}

func pgNote(p *proc, what string, drop bool) error {
	v, lines := pgLines(p)
	lines = slices.DeleteFunc(lines, func(l string) bool { return l == what })
	if !drop {
		lines = append(lines, what)
	}
	if err := v.MkdirAll(path.Dir(pgState), 0o755); err != nil {
		return err
	}
	return v.WriteFile(pgState, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

// pgCreate is createuser and createdb.
func pgCreate(kind string) kernel.Command {
	return func(p *proc, args []string) int {
		_, rest := simple(args, "OUhpTEl")
		if len(rest) == 0 {
			p.Errorf("error: missing name")
			return 1
		}
		if err := pgNote(p, kind+"="+rest[0], false); err != nil {
			p.Errorf("error: %s", kernel.Reason(err))
			return 1
		}
		return 0
	}
}
