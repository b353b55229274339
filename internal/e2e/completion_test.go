//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// zshTypes types into a zsh on a terminal of its own, presses Tab, and prints the line that
// zsh has then.
const zshTypes = `
zmodload zsh/zpty
export ZOUT=$PWD/zout
try() {
	rm -f $ZOUT; zpty -w -n z "$1"$'\t\x18'
	while [[ ! -s $ZOUT ]]; do zpty -r -t z >/dev/null; sleep 0.05; done; cat $ZOUT
}
zpty z 'zsh -f -i'
zpty -w z 'PS1=; autoload -Uz compinit; compinit -u -D; source <(infrahaus completion zsh); show() { print -r -- "$BUFFER" >$ZOUT; BUFFER=; zle accept-line }; zle -N show; bindkey "^X" show'
try 'infrahaus template show postg'
try 'infrahaus help tran'
zpty -d z
`

// TestCompletion completes in the shells that Debian has; bash is tested by a session.
func TestCompletion(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	bin := filepath.Join(u.state, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary(), filepath.Join(bin, "infrahaus")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		shell, want string
		args        []string
	}{
		{"fish", "postgresql\tPostgreSQL with one database, its owner, and access from the container's own networks\ntransports\tThe ways into a container\n", []string{
			"--no-config", "-c", `infrahaus completion fish | source; complete -C "infrahaus template show postg"; complete -C "infrahaus help tran"`}},
		{"zsh", "infrahaus template show postgresql \ninfrahaus help transports \n", []string{"-f", "-c", zshTypes}},
	} {
		cmd := exec.Command(c.shell, c.args...)
		cmd.Dir, cmd.Env = u.state, append(u.env, "PATH="+bin+":"+os.Getenv("PATH"), "TERM=xterm")
		out, err := cmd.Output()
		if err != nil || string(out) != c.want {
			t.Errorf("%s: %v\n%s", c.shell, err, out)
		}
	}
}
