package guest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/needs"
)

// heard is everything that a sink was told, in order of arrival.
type heard struct {
	mu       sync.Mutex
	out, err bytes.Buffer
	order    []string
	seen     chan struct{} // closed at the first output
	once     sync.Once
}

func newHeard() *heard { return &heard{seen: make(chan struct{})} }

func (h *heard) sink() Sink {
	return Sink{
		Output: func(stream string, _ int64, p []byte) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			if stream == Stdout {
				h.out.Write(p)
			} else {
				h.err.Write(p)
			}
			h.order = append(h.order, string(p))
			h.once.Do(func() { close(h.seen) })
			return nil
		},
		Secret: func(k, v string) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.order = append(h.order, "secret "+k+"="+v)
		},
	}
}

func attempt(t *testing.T, script string) Attempt {
	return Attempt{Dir: filepath.Join(t.TempDir(), "run's", "01-x.sh.1"), Name: "01-x.sh", Script: []byte(script)}
}

func mustRun(t *testing.T, g Guest, a Attempt) (*heard, Result) {
	t.Helper()
	h := newHeard()
	r, err := RunAttempt(ctxFor(t), g, a, Offsets{}, h.sink())
	if err != nil {
		t.Fatal(err)
	}
	return h, r
}

func TestAttemptInEveryShell(t *testing.T) {
	for name, argv := range shells(t) {
		t.Run(name, func(t *testing.T) {
			g := shared(t, argv...)
			for i, c := range []struct {
				script, out, err string
				status           int
			}{
				{"echo out; echo err >&2; exit 7\n", "out\n", "err\n", 7},
				{"printf 'no end'", "no end", "", 0},
				{"cat; pwd; umask; echo \"$HOME $LANG,$LC_ALL\"; id -u >/dev/null", home() + "\n0022\n/root C.UTF-8,\n", "", 0},
				{"#!/bin/bash\nset -euo pipefail\n[[ x == x ]]; echo $BASH_VERSION | cut -c1\nfalse\necho no", "5\n", "", 1},
				{"#!/usr/bin/env bash\ntrap 'echo trapped' EXIT\necho a\n", "a\ntrapped\n", "", 0},
				{"#! /usr/bin/awk -f\nBEGIN { print \"awk\" }\n", "awk\n", "", 0},
				{"#!/opt/python9 -u\nprint()\n", "", "infrahaus: cannot run 01-x.sh: its interpreter /opt/python9 is missing\n", 127},
				{"#!/usr/bin/env python9\nprint()\n", "", "infrahaus: cannot run 01-x.sh: its interpreter python9 is missing\n", 127},
				{"#!/bin/sh\r\necho x\r\n", "", "infrahaus: cannot run 01-x.sh: its interpreter /bin/sh is missing, for the script has DOS line ends\n", 127},
				{"kill -9 $$", "", "", 137},
				{"echo a >/dev/stderr; echo b >/dev/stderr; echo c >/dev/stdout", "c\n", "a\nb\n", 0},
				{"", "", "", 0},
			} {
				if name != "dash" && i > 2 {
					break // the runner is the machine's /bin/sh for every agent
				}
				a := attempt(t, c.script)
				h, r := mustRun(t, g, a)
				// Most shells tell of a child's death by signal.
				if h.out.String() != c.out || strings.TrimPrefix(h.err.String(), "Killed\n") != c.err || r.Status != c.status || !r.Claimed || r.Died {
					t.Errorf("%d: %q %q %+v", i, h.out.String(), h.err.String(), r)
				}
				if i > 0 {
					continue
				}
				if again, r2 := mustRun(t, g, a); again.out.String() != c.out || r2.Claimed || r2.Status != c.status {
					t.Errorf("%d again: %q %+v", i, again.out.String(), r2)
				}
			}
		})
	}
}

// The helpers are there for sh and bash, $0 is the script, the environment is
// as given, and the names that the runner uses itself do not get in the way.
func TestAttemptEnvironment(t *testing.T) {
	g := shared(t)
	dir := t.TempDir()
	helpers := filepath.Join(dir, "help er.sh")
	if err := os.WriteFile(helpers, []byte("log_info() { echo \"info: $*\"; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, shebang := range []string{"", "#!/bin/sh\n", "#!/bin/sh -e\n", "#!/bin/bash\n", "#!/usr/bin/env bash\n", "#!/usr/bin/env -S bash -e\n", "#!/bin/dash\n", "#!/usr/bin/busybox sh\n"} {
		if _, err := os.Stat("/usr/bin/busybox"); err != nil && strings.Contains(shebang, "busybox") {
			t.Run("busybox", func(t *testing.T) { needs.Program(t, "/usr/bin/busybox", "busybox") })
			continue
		}
		a := attempt(t, shebang+"log_info \"$db_name\" $d $name \"$1\"\necho \"${0##*/} $INFRAHAUS_HELPERS\"; [ -d \"$INFRAHAUS_ATTEMPT\" ]")
		a.Helpers, a.Args = helpers, []string{"one arg"}
		a.Env = []string{"db_name=it's $x\nmine", "d=1", "name=2", "ih=3"}
		h, r := mustRun(t, g, a)
		if want := "info: it's $x\nmine 1 2 one arg\nscript " + helpers + "\n"; r.Status != 0 || h.out.String() != want || h.err.Len() > 0 {
			t.Errorf("%q: %+v %q %q", shebang, r, h.out.String(), h.err.String())
		}
	}
	a := attempt(t, "#!/usr/bin/awk -f\nBEGIN { print ENVIRON[\"INFRAHAUS_HELPERS\"] }")
	a.Helpers = helpers
	if h, _ := mustRun(t, g, a); h.out.String() != helpers+"\n" {
		t.Errorf("awk: %q %q", h.out.String(), h.err.String())
	}
	a = attempt(t, "x")
	a.Env = []string{"a b=c"}
	if _, err := RunAttempt(ctxFor(t), g, a, Offsets{}, Sink{}); err == nil {
		t.Error("a bad name of a variable is taken")
	}
}

// A script that is in the guest already is run in place.
func TestAttemptPath(t *testing.T) {
	g := shared(t)
	script := filepath.Join(t.TempDir(), "10 it's.sh")
	if err := os.WriteFile(script, []byte("echo \"$0\""), 0o600); err != nil {
		t.Fatal(err)
	}
	a := Attempt{Dir: t.TempDir() + "/a", Name: "10", Path: script}
	if h, r := mustRun(t, g, a); h.out.String() != script+"\n" || r.Status != 0 {
		t.Errorf("%+v %q", r, h.out.String())
	}
}

// Eleven scripts cost eleven commands over one connection.
func TestElevenScripts(t *testing.T) {
	_, g := open(t)
	for i := range 11 {
		if h, _ := mustRun(t, g, attempt(t, fmt.Sprintf("echo %d", i))); h.out.String() != fmt.Sprintf("%d\n", i) {
			t.Fatal(i, h.out.String())
		}
	}
	if s := g.Stats(); s != (Stats{Connections: 1, Shells: 1, Commands: 11}) {
		t.Errorf("%+v", s)
	}
}

// Whatever byte the link breaks at, every byte arrives once and the script runs once.
func TestAttemptOverCutLinks(t *testing.T) {
	id := newSigner(t)
	h := newHost(t, id.PublicKey())
	target, o := h.guestOptions(id)
	script := `echo began >>"$INFRAHAUS_ATTEMPT/began"
i=0; while [ $i -lt 60 ]; do echo "line $i of out"; echo "line $i of err" >&2; i=$((i+1)); [ $((i % 20)) -ne 0 ] || sleep 0.03; done
head -c 70000 /dev/zero | tr '\0' z; printf '\0\377\r'; echo K=tok$i >>"$INFRAHAUS_ATTEMPT/secrets"; echo tok$i; exit 9`
	var want, wantErr strings.Builder
	for i := range 60 {
		fmt.Fprintf(&want, "line %d of out\n", i)
		fmt.Fprintf(&wantErr, "line %d of err\n", i)
	}
	want.WriteString(strings.Repeat("z", 70000) + "\x00\xff\rtok60\n")
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 1))
	for i := range 8 {
		var cuts []int
		for range 1 + rnd.IntN(4) {
			cuts = append(cuts, 2000+rnd.IntN(9000))
		}
		h.mu.Lock()
		h.cuts = append([]int{0}, cuts...)
		h.mu.Unlock()
		g, err := Open(ctxFor(t), target, o)
		if err != nil {
			t.Fatal(err)
		}
		h.cutSoon(rnd.IntN(3000))
		a := attempt(t, script)
		heard, r := mustRun(t, g, a)
		g.Close()
		began, _ := os.ReadFile(a.Dir + "/began")
		if heard.out.String() != want.String() || heard.err.String() != wantErr.String() || r.Status != 9 || string(began) != "began\n" {
			t.Fatalf("seed %d, %d, cuts %v: %+v, %d of %d bytes, %d of %d, began %q", seed, i, cuts, r,
				heard.out.Len(), want.Len(), heard.err.Len(), wantErr.Len(), began)
		}
		if got := fmt.Sprint(heard.order); !strings.Contains(got, "secret K=tok60") || strings.Index(got, "secret K=tok60") > strings.Index(got, "tok60\n") {
			t.Fatalf("the secret came after the output")
		}
	}
}

func TestSecretsComeFirst(t *testing.T) {
	g := shared(t)
	h, _ := mustRun(t, g, attempt(t, `for i in 1 2 3 4 5 6 7 8 9; do echo "K$i=v$i=x" >>"$INFRAHAUS_ATTEMPT/secrets"; echo "v$i=x"; done`))
	all := strings.Join(h.order, "\n")
	for i := 1; i < 10; i++ {
		secret, text := strings.Index(all, fmt.Sprintf("secret K%d=v%d=x", i, i)), strings.Index("\n"+all, fmt.Sprintf("\nv%d=x", i))
		if secret < 0 || text < 0 || secret > text {
			t.Errorf("%d: secret at %d, output at %d", i, secret, text)
		}
	}
}

// A megabyte line and output in floods.
func TestBigOutput(t *testing.T) {
	g := shared(t)
	h, r := mustRun(t, g, attempt(t, `head -c 1000000 /dev/zero | tr '\0' x; echo; seq 1 300000 >&2`))
	if r.Status != 0 || h.out.Len() != 1000001 || h.err.Len() != 1988895 || r.Offsets != (Offsets{1000001, 1988895}) {
		t.Errorf("%+v %d %d", r, h.out.Len(), h.err.Len())
	}
}

// Two that start the same attempt at once run it once, and both see it all.
func TestClaimOnce(t *testing.T) {
	h, first := open(t)
	_ = h
	a := attempt(t, `echo ran >>"$INFRAHAUS_ATTEMPT/ran"; cat "$INFRAHAUS_ATTEMPT/ran"`)
	var wg sync.WaitGroup
	claims := make(chan bool, 6)
	for range 6 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			g, err := first.Again(ctxFor(t))
			if err != nil {
				t.Error(err)
				return
			}
			defer g.Close()
			heard := newHeard()
			r, err := RunAttempt(ctxFor(t), g, a, Offsets{}, heard.sink())
			if err != nil || heard.out.String() != "ran\n" || r.Status != 0 {
				t.Errorf("%v %+v %q", err, r, heard.out.String())
			}
			claims <- r.Claimed
		}()
	}
	wg.Wait()
	close(claims)
	n := 0
	for c := range claims {
		if c {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d claims", n)
	}
	if s := first.Stats(); s.Connections != 1 {
		t.Errorf("%+v", s)
	}
}

func TestKill(t *testing.T) {
	for _, c := range []struct {
		name, script string
		grace        time.Duration
		status       int
		err          string
	}{
		{"asked", "echo up; sleep 100; echo no", time.Minute, 143, ""},
		{"asked, and says goodbye", "trap 'echo bye >&2; exit 5' TERM; echo up; while :; do sleep 0.05; done", time.Minute, 5, "bye\n"},
		{"must", "trap '' TERM; echo up; while :; do sleep 0.05; done", 300 * time.Millisecond, 137, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := shared(t)
			a := attempt(t, c.script)
			h := newHeard()
			done := make(chan Result, 1)
			go func() {
				r, err := RunAttempt(ctxFor(t), g, a, Offsets{}, h.sink())
				if err != nil {
					t.Error(err)
				}
				done <- r
			}()
			<-h.seen
			if spared, err := Kill(ctxFor(t), g, a, c.grace); err != nil || spared {
				t.Fatal(spared, err)
			}
			if r := <-done; r.Status != c.status || !strings.HasSuffix(h.err.String(), c.err) || h.out.String() != "up\n" {
				t.Errorf("%+v %q %q", r, h.out.String(), h.err.String())
			}
			if _, err := Kill(ctxFor(t), g, a, 0); err != nil {
				t.Error(err)
			}
		})
	}
}

// A package is not left half installed: a script that is at it goes on, and may be
// followed to its end.
func TestKillSparesPackages(t *testing.T) {
	g := shared(t)
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/dpkg", []byte("#!/bin/sh\necho unpacking\nuntil [ -e \"$1/go\" ]; do sleep 0.02; done\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	a := attempt(t, dir+`/dpkg "$INFRAHAUS_ATTEMPT"; echo configured`)
	h := newHeard()
	done := make(chan Result, 1)
	go func() {
		r, err := RunAttempt(ctxFor(t), g, a, Offsets{}, h.sink())
		if err != nil {
			t.Error(err)
		}
		done <- r
	}()
	<-h.seen
	if spared, err := Kill(ctxFor(t), g, a, 300*time.Millisecond); err != nil || !spared {
		t.Errorf("spared %v, %v", spared, err)
	}
	if err := os.WriteFile(a.Dir+"/go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := <-done; r.Status != 0 || h.out.String() != "unpacking\nconfigured\n" {
		t.Errorf("%+v %q", r, h.out.String())
	}
}

func TestKillBeforeTheStart(t *testing.T) {
	g := shared(t)
	a := attempt(t, "echo ran")
	if _, err := Kill(ctxFor(t), g, a, 0); err != nil {
		t.Fatal(err)
	}
	if h, r := mustRun(t, g, a); r.Claimed || r.Status != 143 || r.Signal != 15 || h.out.Len() > 0 {
		t.Errorf("%+v", r)
	}
}

// After ctx ended the script goes on, and another may follow it to its end.
func TestAttemptOutlivesItsFollower(t *testing.T) {
	_, g := open(t)
	a := attempt(t, `echo one; while [ ! -e "$INFRAHAUS_ATTEMPT/go" ]; do sleep 0.02; done; echo two`)
	h := newHeard()
	ctx, cancel := context.WithCancel(ctxFor(t))
	go func() { <-h.seen; cancel() }()
	r, err := RunAttempt(ctx, g, a, Offsets{}, h.sink())
	if err == nil {
		t.Fatal("no error")
	}
	if err := g.Reconnect(ctxFor(t)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.Dir+"/go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r2, err := RunAttempt(ctxFor(t), g, a, r.Offsets, h.sink())
	if err != nil || r2.Claimed || h.out.String() != "one\ntwo\n" {
		t.Errorf("%v %+v %q", err, r2, h.out.String())
	}
}

// A runner that is gone without a status is told apart from one that ended.
func TestDied(t *testing.T) {
	g := shared(t)
	a := attempt(t, "echo up; sleep 100")
	h := newHeard()
	go func() {
		<-h.seen
		b, _ := os.ReadFile(a.Dir + "/pid")
		var pid int
		fmt.Sscan(string(b), &pid)
		syscall.Kill(-pid, syscall.SIGKILL)
	}()
	r, err := RunAttempt(ctxFor(t), g, a, Offsets{}, h.sink())
	if err != nil || !r.Died || h.out.String() != "up\n" {
		t.Errorf("%v %+v %q", err, r, h.out.String())
	}
}

// An attempt of an earlier boot is dead even if its process id lives on.
func TestRebooted(t *testing.T) {
	g := shared(t)
	for name, files := range map[string]map[string]string{
		"started":      {"pid": fmt.Sprintf("%d 1 gone:1\n", os.Getpid())},
		"only claimed": {"claim/boot": "gone:1\n"},
		"other start":  {"pid": fmt.Sprintf("%d 1 %s\n", os.Getpid(), booted(t))},
	} {
		a := attempt(t, "echo no")
		if err := os.MkdirAll(a.Dir+"/claim", 0o700); err != nil {
			t.Fatal(err)
		}
		os.WriteFile(a.Dir+"/out", []byte("before\n"), 0o600)
		os.WriteFile(a.Dir+"/err", nil, 0o600)
		for f, text := range files {
			os.WriteFile(filepath.Join(a.Dir, f), []byte(text), 0o600)
		}
		if h, r := mustRun(t, g, a); !r.Died || h.out.String() != "before\n" {
			t.Errorf("%s: %+v %q", name, r, h.out.String())
		}
	}
}

func booted(t *testing.T) string {
	id, err1 := os.ReadFile("/proc/sys/kernel/random/boot_id")
	start, err2 := exec.Command("sh", "-c", "sed 's/.*) //' /proc/1/stat | cut -d' ' -f20").Output()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return strings.TrimSpace(string(id)) + ":" + strings.TrimSpace(string(start))
}

func FuzzFollower(f *testing.F) {
	f.Add([]byte("c\no 0 3\nabcs 0 4\nK=v\ne 1 3\nabcx 7\n"))
	f.Add([]byte("t o\nd\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		run := func(cut int) (string, bool) {
			h := newHeard()
			fo := &follower{sink: h.sink()}
			var err error
			if cut = min(cut, len(stream)); cut > 0 {
				_, err = fo.Write(stream[:cut])
			}
			if err == nil {
				_, err = fo.Write(stream[cut:])
			}
			return h.out.String() + "|" + h.err.String(), err == nil
		}
		whole, ok := run(0)
		for cut := range min(len(stream), 64) {
			if got, also := run(cut); ok && (got != whole || !also) {
				t.Fatalf("cut at %d: %q, not %q", cut, got, whole)
			}
		}
	})
}

// home is where a script begins: /root, or / for who may not go there.
func home() string {
	if d, err := os.Open("/root"); err == nil {
		d.Close()
		return "/root"
	}
	return "/"
}

// A process that continues after another one learns the state of the attempts, and what
// they have saved.
func TestLook(t *testing.T) {
	g := shared(t)
	done := attempt(t, `echo PASSWORD=a=b >>"$INFRAHAUS_ATTEMPT/secrets"; echo USER=c >>"$INFRAHAUS_ATTEMPT/secrets"`)
	failed := attempt(t, "exit 3")
	mustRun(t, g, done)
	mustRun(t, g, failed)
	var saved []string
	seen, err := Look(ctxFor(t), g, []string{failed.Dir, "/nowhere's", done.Dir}, func(k, v string) { saved = append(saved, k+" "+v) })
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Seen{failed.Dir: {State: Ended, Status: 3}, "/nowhere's": {State: Unclaimed}, done.Dir: {State: Ended}}
	if fmt.Sprint(seen) != fmt.Sprint(want) || fmt.Sprint(saved) != "[PASSWORD a=b USER c]" {
		t.Errorf("%v, %q", seen, saved)
	}
}
