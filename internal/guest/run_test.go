package guest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// do runs a script and gives what it printed.
func do(t *testing.T, g Guest, script, stdin string) (out, errs string, status int) {
	t.Helper()
	var o, e bytes.Buffer
	cmd := Cmd{Label: "test", Script: script, Stdout: &o, Stderr: &e}
	if stdin != "" {
		cmd.Stdin, cmd.Size = strings.NewReader(stdin), int64(len(stdin))
	}
	status, err := g.Run(ctxFor(t), cmd)
	if err != nil {
		t.Fatal(err)
	}
	return o.String(), e.String(), status
}

func TestRunInEveryShell(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 20<<10) + "end" // 320 KiB and a bit
	for name, argv := range shells(t) {
		t.Run(name, func(t *testing.T) {
			_, g := open(t, argv...)
			for _, c := range []struct {
				what, script, stdin, out, errs string
				status                         int
			}{
				{"both streams", "echo out; echo err >&2", "", "out\n", "err\n", 0},
				{"status", "exit 7", "", "", "", 7},
				{"no line end", "printf x; printf y >&2", "", "x", "y", 0},
				{"nothing", "", "", "", "", 0},
				{"false in the end", "false", "", "", "", 1},
				{"several lines and quotes", "cat <<'X'\n$a \\ 'q' \"d\"\nX\necho z", "", "$a \\ 'q' \"d\"\nz\n", "", 0},
				{"stdin is empty", "cat; echo end", "", "end\n", "", 0},
				{"stdin", "cat", "in\x00put\n", "in\x00put\n", "", 0},
				{"big stdin", "wc -c", big, "327683\n", "", 0},
				{"stdin not read", "echo ignored", big, "ignored\n", "", 0},
				{"state does not leak", "x=1; cd /; umask 0; exit 3", "", "", "", 3},
				{"and is clean", `echo "$x,$LEAK,$LC_ALL,$HOME"; umask`, "", ",yes,C,/root\n0022\n", "", 0},
				{"dies by signal", "sh -c 'kill -9 $$'; exit $?", "", "", "", 137},
				{"exec", "exec echo gone", "", "gone\n", "", 0},
			} {
				out, errs, status := do(t, g, c.script, c.stdin)
				out = strings.TrimLeft(out, " ")
				if c.what == "dies by signal" {
					errs = "" // some shells say Killed
				}
				if out != c.out || errs != c.errs || status != c.status {
					t.Errorf("%s: %q %q %d, want %q %q %d", c.what, out, errs, status, c.out, c.errs, c.status)
				}
			}
			if _, _, status := do(t, g, "if; then", ""); status == 0 {
				t.Error("a syntax error has status 0")
			}
			if out, _, _ := do(t, g, "echo alive", ""); out != "alive\n" {
				t.Errorf("after a syntax error: %q", out)
			}
			if s := g.Stats(); s.Connections != 1 || s.Shells != 1 || s.Commands != 16 {
				t.Errorf("stats: %+v", s)
			}
		})
	}
}

// A megabyte without a line end, and every byte there is, come through whole.
func TestRunBinary(t *testing.T) {
	g := shared(t)
	var all []byte
	for i := range 256 {
		all = append(all, byte(i))
	}
	all = bytes.Repeat(all, 4096)
	var out, errs bytes.Buffer
	status, err := g.Run(ctxFor(t), Cmd{Script: "tee /proc/self/fd/2", Stdin: bytes.NewReader(all), Size: int64(len(all)), Stdout: &out, Stderr: &errs})
	if err != nil || status != 0 || !bytes.Equal(out.Bytes(), all) || !bytes.Equal(errs.Bytes(), all) {
		t.Fatalf("status %d, %v, %d and %d bytes", status, err, out.Len(), errs.Len())
	}
}

func TestNoiseBeforeTheAgent(t *testing.T) {
	id := newSigner(t)
	h := newHost(t, id.PublicKey())
	h.tool("sh", `yes 'Welcome to the guest' | head -n 100000; echo "locale: cannot set" >&2; exec /bin/sh "$@"`)
	target, o := h.guestOptions(id)
	g, err := Open(ctxFor(t), target, o)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if out, errs, _ := do(t, g, "echo clean", ""); out != "clean\n" || errs != "" {
		t.Errorf("%q %q", out, errs)
	}
}

func TestNoShell(t *testing.T) {
	id := newSigner(t)
	h := newHost(t, id.PublicKey())
	h.tool("sh", `echo "Please log in as somebody else"; exit 42`)
	target, o := h.guestOptions(id)
	_, err := Open(ctxFor(t), target, o)
	var e *Error
	if !errors.As(err, &e) || e.Kind != Protocol || !strings.HasSuffix(err.Error(), "42") || !strings.Contains(e.Tail, "Please log in") {
		t.Errorf("%v", err)
	}
}

func TestRunStops(t *testing.T) {
	_, g := open(t)
	ctx, cancel := context.WithCancel(ctxFor(t))
	pr, pw := io.Pipe()
	go func() {
		io.ReadFull(pr, make([]byte, 6))
		cancel()
	}()
	_, err := g.Run(ctx, Cmd{Script: "echo begun; sleep 100", Stdout: pw})
	if !errors.Is(err, context.Canceled) || IsDropped(err) {
		t.Fatalf("%v", err)
	}
	if _, err := g.Run(ctxFor(t), Cmd{Script: "true"}); !IsDropped(err) {
		t.Fatalf("after the end of ctx: %v", err)
	}
	if err := g.Reconnect(ctxFor(t)); err != nil {
		t.Fatal(err)
	}
	if out, _, _ := do(t, g, "echo again", ""); out != "again\n" {
		t.Error(out)
	}
	if s := g.Stats(); s.Connections != 1 || s.Shells != 2 {
		t.Errorf("%+v", s)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("my disk is full") }

func TestRunOwnErrors(t *testing.T) {
	_, g := open(t)
	_, err := g.Run(ctxFor(t), Cmd{Script: "yes", Stdout: failing{}})
	if err == nil || err.Error() != "my disk is full" {
		t.Errorf("writer: %v", err)
	}
	if err := g.Reconnect(ctxFor(t)); err != nil {
		t.Fatal(err)
	}
	_, err = g.Run(ctxFor(t), Cmd{Script: "cat", Stdin: strings.NewReader("ab"), Size: 3})
	if err == nil || !strings.Contains(err.Error(), "only 2 were there") {
		t.Errorf("reader: %v", err)
	}
}

func TestDropped(t *testing.T) {
	h, g := open(t)
	pr, pw := io.Pipe()
	go func() {
		io.ReadFull(pr, make([]byte, 6))
		h.cutAll()
	}()
	_, err := g.Run(ctxFor(t), Cmd{Label: "wait", Script: "echo begun; sleep 100", Stdout: pw})
	if !IsDropped(err) || !strings.HasPrefix(err.Error(), "cannot wait: the link to the guest dropped") {
		t.Fatalf("%v", err)
	}
	if err := g.Reconnect(ctxFor(t)); err != nil {
		t.Fatal(err)
	}
	do(t, g, "true", "")
}

// A link on which nothing comes back any more is noticed by itself.
func TestSilentLink(t *testing.T) {
	id := newSigner(t)
	h := newHost(t, id.PublicKey())
	proxy, stall := stallable(t, h.ln.Addr().String())
	target, o := h.guestOptions(id)
	o.Port, o.KeepAlive = proxy, 50*time.Millisecond
	g, err := Open(ctxFor(t), target, o)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	stall()
	if _, err = g.Run(ctxFor(t), Cmd{Script: "true"}); !IsDropped(err) {
		t.Fatalf("%v", err)
	}
}
