package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// commandDeadline is the time limit of a token_command. It is long enough to touch a
// hardware key or to type a passphrase.
const commandDeadline = 30 * time.Second

const maxSecret = 64 << 10 // bytes

// reference is a secret in the file, or the place where it is kept.
type reference struct {
	text, file, env string
	command         []string
}

func (r reference) count() int {
	n := 0
	for _, given := range []bool{r.text != "", r.file != "", r.env != "", len(r.command) > 0} {
		if given {
			n++
		}
	}
	return n
}

func (h *fileHost) tokenRef() reference {
	return reference{h.Token, h.TokenFile, h.TokenEnv, h.TokenCommand}
}

func (h *fileHost) passwordRef() reference {
	return reference{h.Password, h.PasswordFile, h.PasswordEnv, h.PasswordCommand}
}

var variableName = lazy.Regexp(`^[A-Za-z_][A-Za-z0-9_]*$`)

// secret looks a secret up. ctx may be nil if no command is possible. path is the key
// without its ending, for errors.
func (c *Config) secret(ctx context.Context, path string, r reference) (Secret, error) {
	switch {
	case r.text != "":
		return NewSecret(strings.TrimSpace(r.text)), nil
	case r.env != "":
		s := first(c.env, r.env)
		if s == "" && !variableName().MatchString(r.env) { // it may be the secret itself, so no error repeats it
			return Secret{}, c.decoder.at(path+"_env", "the name of a variable, such as PVE_SECRET", "it is not the name of a variable")
		}
		if s == "" {
			return Secret{}, c.decoder.at(path+"_env", "", "the variable %s is not set", r.env)
		}
		return NewSecret(s), nil
	case r.file != "":
		s, err := secretFile(c.path(r.file))
		if err != nil {
			return Secret{}, c.decoder.at(path+"_file", "", "cannot read it: %v", err)
		}
		return s, nil
	case len(r.command) > 0:
		if c.exposed != "" {
			return Secret{}, c.decoder.at(path+"_command", "make the file and its folder writable by you alone: chmod go-w", "it is not run, because %s", c.exposed)
		}
		s, err := secretCommand(ctx, r.command)
		if err != nil {
			return Secret{}, c.decoder.at(path+"_command", "", "%v", err)
		}
		return s, nil
	}
	return Secret{}, nil
}

func secretFile(path string) (Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return Secret{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret))
	if err != nil {
		return Secret{}, err
	}
	return only(data, path)
}

// only returns the secret, which must be the only line.
func only(data []byte, from string) (Secret, error) {
	text := strings.TrimSpace(string(data))
	switch {
	case text == "":
		return Secret{}, fmt.Errorf("%s gives nothing", from)
	case strings.ContainsAny(text, "\r\n"):
		return Secret{}, fmt.Errorf("%s gives more than one line", from)
	}
	return NewSecret(text), nil
}

// secretCommand runs a command and returns its output. It uses no shell. The command gets
// the tool's environment and terminal, because a password manager may ask for its
// passphrase there, and an empty stdin.
func secretCommand(ctx context.Context, argv []string) (Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, commandDeadline)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = &limited{&out, maxSecret}, &limited{&errs, maxSecret}
	cmd.WaitDelay = time.Second // a grandchild may hold the pipes open
	err := cmd.Run()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return Secret{}, fmt.Errorf("%s did not finish within %s", argv[0], commandDeadline)
	case ctx.Err() != nil:
		return Secret{}, fmt.Errorf("%s was interrupted", argv[0])
	case err != nil:
		said := strings.TrimSpace(errs.String())
		if i := strings.LastIndexByte(said, '\n'); i >= 0 {
			said = said[i+1:]
		}
		if said != "" {
			return Secret{}, fmt.Errorf("%s failed: %w: %s", argv[0], err, said)
		}
		return Secret{}, fmt.Errorf("%s failed: %w", argv[0], err)
	}
	return only(out.Bytes(), argv[0])
}

// limited keeps the first n bytes and drops the rest.
type limited struct {
	w io.Writer
	n int
}

func (l *limited) Write(p []byte) (int, error) {
	keep := p[:min(len(p), l.n)]
	l.n -= len(keep)
	if _, err := l.w.Write(keep); err != nil {
		return 0, err
	}
	return len(p), nil
}
