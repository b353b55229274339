package cli_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// planting is a session's secrets, and everything that was said in it.
type planting struct {
	secrets map[string]string // what nobody may see, by what it is
	said    map[string]string // output by command line
}

var plantings sync.Map // by the session's folder

func planted(ts *testscript.TestScript) *planting {
	p, _ := plantings.LoadOrStore(ts.MkAbs("."), &planting{secrets: map[string]string{}, said: map[string]string{}})
	return p.(*planting)
}

func leakCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"plant": plant, "said": said, "leaks": leaks, "fill": fill,
	}
}

// plant is `plant NAME VALUE`, `plant NAME -in GLOB PATTERN` for the first group of
// the pattern in the one file that the glob names, or `plant NAME -of CONTAINER
// FLAG...` for every password that the container's credentials reveal.
func plant(ts *testscript.TestScript, neg bool, args []string) {
	p := planted(ts)
	switch args[1] {
	default:
		p.secrets[args[0]] = args[1]
	case "-in":
		found, err := filepath.Glob(ts.MkAbs(args[2]))
		ts.Check(err)
		if len(found) != 1 {
			ts.Fatalf("%s is %d files", args[2], len(found))
		}
		text, err := os.ReadFile(found[0])
		ts.Check(err)
		m := regexp.MustCompile(args[3]).FindSubmatch(text)
		if m == nil {
			ts.Fatalf("%s holds no %s", found[0], args[0])
		}
		p.secrets[args[0]] = string(m[1])
		ts.Setenv(strings.ToUpper(args[0]), string(m[1]))
	case "-of":
		ts.Check(ts.Exec("infrahaus", append([]string{"credentials", args[2], "--reveal", "--json"}, args[3:]...)...))
		var list []struct {
			Service string
			Values  map[string]string
		}
		ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &list))
		for _, c := range list {
			if p.secrets[args[0]+" "+c.Service] = c.Values["PASSWORD"]; c.Values["PASSWORD"] == "" {
				ts.Fatalf("%s has no password", c.Service)
			}
		}
	}
}

// said is `said STATUS COMMAND...`: runs it, and remembers every byte that it wrote.
func said(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	got := 0
	if exit != nil {
		got = exit.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, not %s", got, args[0])
	}
	planted(ts).said[strings.Join(args[1:], " ")] += ts.ReadFile("stdout") + ts.ReadFile("stderr")
}

// leaks is `leaks N PATH...`: none of the N planted secrets, nor a half of one, is in
// anything that was said or in a file below the paths; what guests keep below
// sandbox/ is theirs. `! leaks` wants one, to see that it can be found.
func leaks(ts *testscript.TestScript, neg bool, args []string) {
	p := planted(ts)
	if strconv.Itoa(len(p.secrets)) != args[0] {
		ts.Fatalf("%d secrets are planted, not %s", len(p.secrets), args[0])
	}
	seen := maps.Clone(p.said)
	for _, path := range args[1:] {
		ts.Check(filepath.WalkDir(ts.MkAbs(path), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() == "sandbox" {
				return filepath.SkipDir
			}
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			seen[path] = string(b)
			return err
		}))
	}
	found := 0
	for what, secret := range p.secrets {
		for where, text := range seen {
			if form := holds(text, secret); form != "" {
				found++
				ts.Logf("%s is in %s, as %q", what, where, form)
			}
		}
	}
	if (found > 0) != neg {
		ts.Fatalf("%d leaks in %d outputs and files", found, len(seen))
	}
}

// holds returns the form in which a text holds a secret or a half of it, "" where
// it does not.
func holds(text, secret string) string {
	parts := []string{secret}
	if half := len(secret) / 2; half >= 6 {
		parts = append(parts, secret[:half], secret[half:])
	}
	for _, part := range parts {
		quoted, _ := json.Marshal(part)
		for _, form := range []string{
			part, string(bytes.Trim(quoted, `"`)), url.QueryEscape(part), base64.StdEncoding.EncodeToString([]byte(part)),
		} {
			if strings.Contains(text, form) {
				return form
			}
		}
	}
	return ""
}

// fill is `fill FILE`: puts the session's variables into the file's text.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	path := ts.MkAbs(args[0])
	ts.Check(os.WriteFile(path, []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o600))
}
