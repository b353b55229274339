package pve_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/pve"
)

// endpoint is a client of an HTTPS server with any handler.
func endpoint(t *testing.T, o pve.Options, h http.HandlerFunc) *pve.Client {
	t.Helper()
	f := &fake{Server: httptest.NewUnstartedServer(h)}
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	f.StartTLS()
	t.Cleanup(func() { f.CloseClientConnections(); f.Close() })
	if o.Token == "" && o.User == "" {
		o.Token = "a@pve!b=c"
	}
	return f.clientWith(t, o)
}

// pour writes text until the client closes the connection.
func pour(w http.ResponseWriter, text string) {
	chunk := []byte(strings.Repeat(text, 1+32<<10/len(text)))
	for {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// An answer that never ends, even after unpacking, or that is many times larger after
// decoding, soon gives a clear error.
func TestHostileAnswersAreBounded(t *testing.T) {
	for name, tt := range map[string]struct {
		h    http.HandlerFunc
		kind pve.Kind
		want string
	}{
		"endless": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"data":"`); pour(w, "x") }, pve.Unreachable, "larger than 16 MiB"},
		"endless with a length": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99999999999")
			io.WriteString(w, `{"data":"`)
			pour(w, "x")
		}, pve.Unreachable, "larger than 16 MiB"},
		"a gzip bomb": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			io.WriteString(z, `{"data":"`)
			for range 600 {
				if _, err := z.Write(bytes.Repeat([]byte{'0'}, 64<<10)); err != nil {
					return
				}
			}
			io.WriteString(z, `"}`)
			z.Close()
		}, pve.Unreachable, "larger than 16 MiB"},
		"a million values": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"data":[1`+strings.Repeat(",1", 1_000_000)+`]}`)
		}, pve.Unreachable, "more than 500000 values"},
		"a million headers": {func(w http.ResponseWriter, _ *http.Request) {
			c, b, _ := w.(http.Hijacker).Hijack()
			defer c.Close()
			b.WriteString("HTTP/1.1 200 OK\r\n")
			for i := range 1_000_000 {
				if _, err := fmt.Fprintf(b, "X-%d: y\r\n", i); err != nil {
					return
				}
			}
		}, pve.Unreachable, "headers exceeded"},
		"one long header": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("y", 1<<20))
		}, pve.Unreachable, "headers exceeded"},
		"deep": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"data":`+strings.Repeat("[", 1<<20))
		}, pve.Unreachable, "not Proxmox's API"},
		"an endless error": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			io.WriteString(w, `{"message":"`)
			pour(w, "x")
		}, pve.Refused, "Internal Server Error"},
		"an error of a million parameters": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(400)
			io.WriteString(w, `{"errors":{"a":"b"`)
			for i := range 4000 {
				fmt.Fprintf(w, `,"p%d":"bad"`, i)
			}
			io.WriteString(w, `}}`)
		}, pve.Refused, ": bad"},
		"a long reason": {func(w http.ResponseWriter, _ *http.Request) {
			c, b, _ := w.(http.Hijacker).Hijack()
			fmt.Fprintf(b, "HTTP/1.1 500 %s\r\n\r\n", strings.Repeat("no ", 10_000))
			b.Flush()
			c.Close()
		}, pve.Refused, "no no no"},
		"another content type": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<html>")
		}, pve.Unreachable, "not Proxmox's API"},
		"a redirect to itself": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, pve.Unreachable, "sent elsewhere"},
		"a wrong gzip": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, `{"data":[]}`)
		}, pve.Unreachable, "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := endpoint(t, pve.Options{}, tt.h).Nodes(t.Context())
			if !pve.IsKind(err, tt.kind) || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 3<<10 {
				t.Errorf("got %.300q", fmt.Sprint(err))
			}
			var e *pve.Error
			if errors.As(err, &e) && len(strings.Join(e.Tail(), "\n")) > 64<<10 {
				t.Errorf("a tail of %d bytes", len(strings.Join(e.Tail(), "\n")))
			}
		})
	}
}

// A server that sends a byte now and then does not keep a request open beyond its
// timeout.
func TestTrickle(t *testing.T) {
	for name, head := range map[string]string{"head": "", "body": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			c := endpoint(t, pve.Options{Timeout: 50 * time.Millisecond}, func(w http.ResponseWriter, _ *http.Request) {
				conn, b, _ := w.(http.Hijacker).Hijack()
				defer conn.Close()
				b.WriteString(head)
				for text := "1\r\n \r\n"; ; {
					if head == "" {
						text = "H"
					}
					if _, err := b.WriteString(text); err != nil || b.Flush() != nil {
						return
					}
					time.Sleep(5 * time.Millisecond)
				}
			})
			if _, err := c.Version(t.Context()); !pve.IsKind(err, pve.Timeout) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A ticket that is huge, or has a line break that would end up in our next request's
// header, is refused.
func TestHostileTickets(t *testing.T) {
	for name, answer := range map[string]string{
		"large":        `{"data":{"ticket":"` + strings.Repeat("x", 1<<20) + `"}}`,
		"a line break": `{"data":{"ticket":"a\r\nX-Evil: 1","CSRFPreventionToken":"b\r\n"}}`,
		"none":         `{"data":{}}`,
		"a list":       `{"data":[[[]]]}`,
	} {
		evil := false
		c := endpoint(t, pve.Options{User: "root@pam", Password: "secret"}, func(w http.ResponseWriter, r *http.Request) {
			evil = evil || r.Header.Get("X-Evil") != "" || !strings.HasSuffix(r.URL.Path, "/access/ticket")
			io.WriteString(w, answer)
		})
		if _, err := c.Version(t.Context()); err == nil || evil || len(err.Error()) > 1000 {
			t.Errorf("%s: got %.200v, and a request went out: %v", name, err, evil)
		}
	}
}

// Following a task that never ends, with a log that never ends, takes limited memory and
// stops with the caller's context. If the task does end, that is noticed.
func TestFollowAnEndlessLog(t *testing.T) {
	for name, line := range map[string]func(start, i int) string{
		"on and on":   func(start, i int) string { return fmt.Sprintf(`{"n":%d,"t":"line"}`, start+i+1) },
		"no progress": func(_, i int) string { return fmt.Sprintf(`{"n":%d,"t":"line"}`, i) },
		"backwards":   func(_, i int) string { return fmt.Sprintf(`{"n":-%d,"t":"line"}`, i) },
		"far ahead":   func(_, i int) string { return fmt.Sprintf(`{"n":%d,"t":"line"}`, 1<<62-i) },
		"long lines": func(start, i int) string {
			return fmt.Sprintf(`{"n":%d,"t":%q}`, start+i+1, strings.Repeat("x", 20_000))
		},
		"only warnings":  func(start, i int) string { return fmt.Sprintf(`{"n":%d,"t":"WARN: x"}`, start+i+1) },
		"a step a page":  func(start, _ int) string { return fmt.Sprintf(`{"n":%d,"t":"line"}`, start+1) },
		"the end, early": func(start, i int) string { return fmt.Sprintf(`{"n":%d,"t":"TASK OK"}`, start+i+1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			polls, pages := 0, 0
			c := endpoint(t, pve.Options{}, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/status") {
					if polls++; polls < 3 {
						io.WriteString(w, `{"data":{"status":"running"}}`)
					} else {
						io.WriteString(w, `{"data":{"status":"stopped","exitstatus":"OK"}}`)
					}
					return
				}
				pages++
				var start int
				fmt.Sscanf(r.URL.Query().Get("start"), "%d", &start)
				rows := make([]string, 500)
				for i := range rows {
					rows[i] = line(start, i)
				}
				io.WriteString(w, `{"data":[`+strings.Join(rows, ",")+`],"total":`+fmt.Sprint(1<<62)+`}`)
			})
			lines, longest := 0, 0
			res, err := c.Follow(t.Context(), upid, pve.Watch{Line: func(s string) { lines++; longest = max(longest, len(s)) }})
			if err != nil {
				t.Fatal(err)
			}
			if lines > 100_001 || longest > 4100 || len(res.Lines) > 1000 || len(res.Warnings) > 1000 || pages > 300 {
				t.Errorf("%d lines, the longest %d bytes; kept %d, %d warnings; %d pages", lines, longest, len(res.Lines), len(res.Warnings), pages)
			}
		})
	}
}

func TestFollowATaskThatNeverEnds(t *testing.T) {
	n := 0
	c := endpoint(t, pve.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/status") {
			io.WriteString(w, `{"data":{"status":"running"}}`)
			return
		}
		n++
		fmt.Fprintf(w, `{"data":[{"n":%d,"t":"still at it"}]}`, n)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := c.Follow(ctx, upid, pve.Watch{}); !pve.IsKind(err, pve.Timeout) {
		t.Errorf("got %v", err)
	}
}

// A text that is not a task's id does not become a path, a record or a line on a screen.
func TestHostileTaskIDs(t *testing.T) {
	for _, id := range []string{"x", "../../x", "UPID:pve1:0000654C:0004C3ED:6B03A893:vz\x1b[2J:100:root@pam:", strings.Repeat("x", 1<<20),
		"UPID:../x:0000654C:0004C3ED:6B03A893:vzstart:100:root@pam:", "UPID:pve1:0000654C:0004C3ED:6B03A893:vzstart:" + strings.Repeat("1", 600) + ":root@pam:"} {
		f := newFake(t)
		f.on("POST /nodes/pve1/lxc/100/status/start", ok(fmt.Sprintf("%q", strings.ReplaceAll(id, "\x1b", "?"))))
		if strings.Contains(id, "\x1b") {
			f.on("POST /nodes/pve1/lxc/100/status/start", ok(`"`+strings.ReplaceAll(id, "\x1b", `\u001b`)+`"`))
		}
		got, err := f.client(t).Start(t.Context(), "pve1", 100)
		if got != "" || !pve.IsKind(err, pve.Refused) || len(err.Error()) > 2000 {
			t.Errorf("%.60q: got %.60q, %.200v", id, got, err)
		}
		if _, err := f.client(t).Follow(t.Context(), id, pve.Watch{}); !pve.IsKind(err, pve.Invalid) || len(err.Error()) > 8000 {
			t.Errorf("%.60q is followed: %.200v", id, err)
		}
	}
}

// Numbers that no container can have, and names that no node can have, are refused.
func TestHostileNumbersAndNames(t *testing.T) {
	for _, id := range []string{`"-5"`, `0`, `99`, `1e300`, `"NaN"`, `"+Inf"`, `1000000000`, `"` + strings.Repeat("9", 10_000) + `"`, `{}`, `[100]`, `"../100"`} {
		f := newFake(t)
		f.on("GET /cluster/nextid", ok(id))
		_, err := f.client(t).Create(t.Context(), pve.CreateRequest{Placement: &pve.Placement{Node: "pve1"}}, nil)
		if err == nil || f.count("POST", "/nodes/pve1/lxc") != 0 || len(err.Error()) > 3<<10 {
			t.Errorf("%.40s: %.200v", id, err)
		}
	}
	f := newFake(t)
	f.on("GET /nodes", ok(`[{"node":"../../x","status":"online"},{"node":"a;reboot","status":"online"},{"node":"\u001b[2J","status":"online"},{"node":"","status":"online"},{"node":"pve1","status":"online"}]`))
	nodes, err := f.client(t).Nodes(t.Context())
	if err != nil || len(nodes) != 1 || nodes[0].Name != "pve1" {
		t.Errorf("%v, %v", nodes, err)
	}
}
