package cli

import (
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// envOptions are the flags for the environment of a container from an image.
type envOptions struct{ env, envFile []string }

func (o *envOptions) register(f *pflag.FlagSet) {
	f.StringArrayVar(&o.env, "env", nil, "of an image: a variable of its environment, `name=value`, or name alone for this environment's value; may be repeated")
	f.StringArrayVar(&o.envFile, "env-file", nil, "of an image: such variables, one name=value a line, from the file at `path` (- is stdin); for secrets")
}

// envHint is what to do with a value that no environment can have.
const envHint = "a text that is no single line goes into a file: files of the template, or one on a mount point"

// read is --env-file and --env together; --env wins. A blank line of a file, and one that
// begins with #, say nothing.
func (o *envOptions) read(stdin io.Reader) (map[string]string, error) {
	if len(o.env)+len(o.envFile) == 0 {
		return nil, nil
	}
	env := map[string]string{}
	add := func(where, name, value string) error {
		if why := plan.WrongEnv(name, value); why != "" {
			e := usagef("%s: %q %s", where, name, why)
			if plan.WrongEnv(name, "") == "" { // it is the value
				e = e.hint("%s", envHint)
			}
			return e
		}
		env[name] = value
		return nil
	}
	for _, path := range o.envFile {
		raw, err := readSmall(homePath(path), stdin)
		if err != nil {
			return nil, usagef("--env-file: %w", err)
		}
		for i, line := range strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n") {
			line = strings.TrimSuffix(line, "\r")
			if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
				continue
			}
			name, value, ok := strings.Cut(line, "=")
			if !ok {
				return nil, usagef("--env-file %s: line %d is no name=value", path, i+1)
			}
			if err := add("--env-file "+path, name, value); err != nil {
				return nil, err
			}
		}
	}
	for _, text := range o.env {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			if value, ok = os.LookupEnv(name); !ok {
				return nil, usagef("--env %s: this environment has no such variable", name).hint("say its value: --env %s=VALUE", name)
			}
		}
		if err := add("--env", name, value); err != nil {
			return nil, err
		}
	}
	return env, nil
}

// checkEnv refuses an environment that no container can have, and one that nobody would read.
func checkEnv(job plan.Job) error {
	if len(job.Env) > 0 && !job.FromImage() {
		return usagef("--env is for a container from an OCI image; scripts of a template get its variables: --set")
	}
	if faults := job.EnvFaults(); len(faults) > 0 {
		return usagef("cannot put all variables into the environment of a container from an image: %s", strings.Join(faults, "; ")).hint("%s", envHint)
	}
	return nil
}
