package guest

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/console"
	"github.com/infrahaus/infrahaus/internal/transports"
)

//go:embed nodepack.sh
var nodePackText string

// NodeArchive is an OS template that the node makes of a running container.
type NodeArchive struct {
	VolID  string // STORAGE:vztmpl/FILE
	Script string // runs in the container, and writes the archive to stdout
	Whole  string // the line that Script prints on stderr once the archive is whole
}

// NotOnNode says why the node cannot store an archive, where another way can. Nothing was done.
type NotOnNode struct{ Why string }

func (e *NotOnNode) Error() string { return "the node cannot store the archive itself: " + e.Why }

// packGrace is how long the node may take to remove what it has packed once it is told to.
const packGrace = 10 * time.Second

// PackOnNode has the node of o pack a container, and returns the size of the archive in bytes.
// The archive is on the storage under its name only if it is whole. A failure leaves nothing
// there, nor does the death of this process or of the link, once the node's sshd has noticed it. An archive of that name is replaced.
// It fails with *NotOnNode if the storage is not a folder of the node that the user of the node
// can write to. It is not retried.
func (o Options) PackOnNode(ctx context.Context, ctid int, a NodeArchive) (size int64, err error) {
	d, _, err := o.Node.dialer(ctx)
	if err != nil {
		return 0, err
	}
	if d.user != "root" {
		return 0, &NotOnNode{Why: "ssh.node logs in as " + d.user + ", not as root"}
	}
	c, err := d.once(ctx, 10*time.Second)
	if err != nil {
		return 0, err
	}
	if o.KeepAlive == 0 {
		o.KeepAlive = 10 * time.Second
	}
	link := &sshTransport{common: common{counts: &counts{}}, alive: o.KeepAlive}
	link.use(c)
	defer link.close()
	s, err := c.NewSession()
	if err != nil {
		return 0, err
	}
	defer s.Close()
	p := &packing{ctx: ctx, whole: a.Whole, mark: strings.TrimPrefix(newNonce(), string(nonceByte))}
	size, err = p.run(s, packScript(ctid, a, p.mark))
	if err == nil || ctx.Err() != nil {
		return size, context.Cause(ctx)
	}
	if p.not != nil {
		return 0, p.not
	}
	return 0, &Error{Kind: Failed, Transport: transports.Node, Tail: strings.TrimSpace(string(p.said.b)), Err: err,
		Message: fmt.Sprintf("cannot pack container %d on %s", ctid, d.whom)}
}

func packScript(ctid int, a NodeArchive, mark string) string {
	return fmt.Sprintf("PATH=%s:$PATH\nP=pct\nC=%d\nE=%s\nV=%s\nT=%s\nM=%s\n%s", fixedPath, ctid, Quote(cleanEnv), Quote(a.VolID), Quote(a.Script), mark,
		console.StripComments(nodePackText))
}

// packing is a run of nodepack.sh.
type packing struct {
	ctx         context.Context
	whole, mark string

	said tail
	not  *NotOnNode
}

// run returns once the program has ended, which removes what it has packed if it is not stored.
func (p *packing) run(s *ssh.Session, script string) (size int64, err error) {
	in, err := s.StdinPipe()
	if err != nil {
		return 0, err
	}
	out, err := s.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := s.Start("exec /bin/sh -c " + Quote(script) + " 2>&1"); err != nil {
		return 0, err
	}
	defer context.AfterFunc(p.ctx, func() {
		in.Close()
		time.AfterFunc(packGrace, func() { s.Close() })
	})()
	size, stored := p.follow(bufio.NewReader(out), in)
	err = s.Wait()
	if err == nil && !stored {
		err = io.ErrUnexpectedEOF
	}
	return size, err
}

// follow reads what the program says. It has the archive stored if the container has said that
// it is whole.
func (p *packing) follow(out *bufio.Reader, in io.WriteCloser) (size int64, stored bool) {
	whole := false
	for {
		line, err := out.ReadString('\n')
		answer, mine := strings.CutPrefix(strings.TrimSpace(line), p.mark+" ")
		verb, rest, _ := strings.Cut(answer, " ")
		switch {
		case !mine:
			whole = whole || strings.TrimSpace(line) == p.whole
			_, _ = io.WriteString(&p.said, line)
		case verb == "no":
			p.not = &NotOnNode{Why: printable(rest)}
		case verb == "packed" && whole && p.ctx.Err() == nil:
			if size, err = strconv.ParseInt(rest, 10, 64); err == nil {
				_, err = io.WriteString(in, "store\n")
			}
		case verb == "packed":
			in.Close()
		case verb == "stored":
			stored = true
		}
		if err != nil {
			in.Close()
			return size, stored
		}
	}
}
