package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/infrahaus/infrahaus/internal/guest"
)

// sums are the checksums of the files that a script may be expected to own. What the system
// writes again by itself is left out.
func (t *templateTest) sums(ctx context.Context, dir string) (map[string]string, error) {
	const script = `find /etc /home /opt /srv /root /usr/local /var/www /var/lib/infrahaus -type f ` +
		`! -path '/etc/ld.so.cache' ! -path '/etc/resolv.conf' ! -path '/etc/mtab' ! -path '/etc/*-' ! -path '/etc/ssl/certs/*' ` +
		`! -name '*.lock' ! -name '.bash_history' ! -path '/usr/local/lib/config-manager/*' ! -path '*/__pycache__/*' ` +
		`-exec sha256sum {} + 2>/dev/null; :`
	status, out, err := t.main(ctx, dir, "exec", testName, "--", "sh", "-c", script)
	if err != nil {
		return nil, err
	}
	if status != 0 {
		return nil, failf(1, "cannot compare the files of the container: exit status %d", status)
	}
	sums := map[string]string{}
	for _, line := range strings.Split(out, "\n") {
		if sum, file, ok := strings.Cut(line, "  "); ok && strings.HasPrefix(file, "/") {
			sums[file] = sum
		}
	}
	return sums, nil
}

// command runs a command line of this tool against the test's sandbox.
func (t *templateTest) command(ctx context.Context, dir string, args ...string) (verdict, error) {
	status, out, err := t.main(ctx, dir, args...)
	if err != nil || status == 0 {
		return verdict{}, err
	}
	return t.real(failed(status, out)), nil
}

// outputLines is how much of a step's output is shown.
const outputLines = 20

// failed is the verdict of a command that failed, with the last lines of its output.
func failed(status int, out string) verdict {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	v := verdict{message: fmt.Sprintf("exit status %d", status)}
	for i := len(lines) - 1; i >= 0; i-- {
		if text, ok := strings.CutPrefix(lines[i], "infrahaus: "); ok {
			v.message = text
			lines = lines[:i] // below it are only hints, for the sandbox that is removed
			break
		}
	}
	v.output = strings.Join(lines[max(0, len(lines)-outputLines):], "\n")
	return v
}

// notVirtual matches what a virtual guest says of a package that it does not have, and of a
// program or option that it cannot imitate.
var notVirtual = regexp.MustCompile(`Unable to locate package (\S+) \(the virtual guest|sandbox: (.+) is not supported by the virtual guest`)

// real names the way to real guests, if a step failed because a virtual guest lacks something.
func (t *templateTest) real(v verdict) verdict {
	m := notVirtual.FindStringSubmatch(v.output)
	if t.o.driver != "virtual" || m == nil {
		return v
	}
	t.o.needsReal = append(t.o.needsReal, guest.Quote(t.ref))
	if m[1] != "" {
		return verdict{"a virtual guest has no package " + m[1], v.output}
	}
	return verdict{"a virtual guest lacks " + m[2], v.output}
}

// main runs a command line and returns its exit status and all that it has said. The words
// of a command for the guest follow --.
func (t *templateTest) main(ctx context.Context, dir string, args ...string) (status int, said string, err error) {
	if ctx.Err() != nil {
		return 0, "", context.Cause(ctx)
	}
	out, err := os.OpenFile(filepath.Join(dir, "output"), os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return 0, "", failf(1, "cannot write the output of a step: %w", err)
	}
	defer out.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, "", err
	}
	defer null.Close()
	status = Main(append([]string{"--sandbox", "--no-color"}, args...), null, out, out)
	if ctx.Err() != nil {
		return status, "", context.Cause(ctx)
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return status, "", err
	}
	b, err := io.ReadAll(out)
	if t.o.app.global.verbose {
		_, _ = t.o.app.err.Write(b)
	}
	return status, string(b), err
}
