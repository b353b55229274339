package guest

import (
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/console"
)

//go:embed boot.sh
var bootText string

//go:embed agent.sh
var agentText string

//go:embed run.sh
var runText string

// payloadBlock is agent.sh's block: big enough for a fast stream, small enough
// for a pipe.
const payloadBlock = 65536

// fixedPath is the PATH of everything that runs for us. The session's own may be
// unusable: pam_env takes PATH="/opt/x:$PATH" in /etc/environment literally. agent.sh and
// the console's bootstrap set the same value.
const fixedPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// bootCommand is the command line that starts an agent. It is one line of plain words, so
// that any login shell can read it. It needs no PATH and contains nothing secret.
func bootCommand() string { return boot(bootText) }

func boot(text string) string { return "/bin/sh -c " + Quote(strings.TrimSpace(text)) }

// onNode wraps a command line for any login shell of the node, so that it does not depend
// on the session's PATH there.
func onNode(user, command string) string {
	if user != "root" {
		command = "sudo -n " + command
	}
	return "exec /bin/sh -c " + Quote("PATH="+fixedPath+":$PATH; export PATH; exec "+command)
}

// nonceByte is a record separator, which output seldom ends with: what could be the
// beginning of a sentinel is held back until more comes.
const nonceByte = '\x1e'

// newNonce makes the word that marks the ends of one session's commands.
func newNonce() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return string(nonceByte) + hex.EncodeToString(b[:])
}

// greeting is what a link sends first: the nonce, the length of what follows, the runner and
// the agent, the nonce.
func greeting(nonce string) string {
	text := "ih_run=" + Quote(console.StripComments(runText)) + "\n" + console.StripComments(agentText)
	return fmt.Sprintf("%s\n#%d\n%s%s\n", nonce, len(text), text, nonce)
}
