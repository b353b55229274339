package templates_test

import (
	"bufio"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/templates"
)

func TestEveryTemplateLoads(t *testing.T) {
	sources := map[string]fs.FS{"built-in": templates.FS, "testdata": os.DirFS("../testdata/templates")}
	for where, fsys := range sources {
		entries, err := fs.ReadDir(fsys, ".")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() == "broken" {
				continue // a folder of templates that are wrong
			}
			tpl, err := template.Find(e.Name(), []template.Source{{Name: where, FS: fsys}})
			if err != nil {
				t.Errorf("%s %s: %v", where, e.Name(), err)
				continue
			}
			if tpl.Name != e.Name() {
				t.Errorf("%s %s calls itself %s", where, e.Name(), tpl.Name)
			}
			if e.Name() == "unready" || e.Name() == "crash-image" {
				continue // a service that exists nowhere; what an image's environment and programs use
			}
			for _, w := range append(tpl.Warnings, tpl.Review()...) {
				if !tpl.Legacy {
					t.Errorf("%s %s: %s", where, e.Name(), w)
				}
			}
		}
	}
}

func TestReferenceJobIsTheReferenceJob(t *testing.T) {
	for _, name := range []string{"reference-job", "reference-job-w"} {
		tpl, err := template.Load(os.DirFS("../testdata/templates/"+name), name)
		if err != nil {
			t.Fatal(err)
		}
		if len(tpl.Files) != 4 || len(tpl.EnabledScripts()) != 11 || !tpl.Unprivileged || !tpl.Features.Nesting ||
			tpl.MemoryMiB != 512 || tpl.Cores != 1 || tpl.DiskGiB != 2 {
			t.Errorf("%s: %+v", name, tpl)
		}
	}
}

// TestHelloAnswers runs the handler of the page as systemd does: one process for each
// request.
func TestHelloAnswers(t *testing.T) {
	data, err := fs.ReadFile(templates.FS, "hello/files/respond")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := strings.ReplaceAll(string(data), "/usr/local/lib/hello", dir)
	text = strings.ReplaceAll(text, "/etc/hello", dir)
	for name, content := range map[string]string{
		"respond": text, "index.html": "<h1>the page</h1>\n", "authorization": "Basic YWRtaW46cHc=\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		request string
		status  int
		body    string
	}{
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, "the page"},
		{"GET /?a=b HTTP/1.0\r\n\r\n", 200, "the page"},
		{"HEAD / HTTP/1.1\r\n\r\n", 200, ""},
		{"GET /nope HTTP/1.1\r\n\r\n", 404, "nothing"},
		{"POST / HTTP/1.1\r\n\r\n", 405, "GET"},
		{"GET /private HTTP/1.1\r\n\r\n", 401, "Who"},
		{"GET /private HTTP/1.1\r\nAuthorization: Basic YWRtaW46cHg=\r\n\r\n", 401, "Who"},
		{"GET /private HTTP/1.1\r\nauthorization: Basic YWRtaW46cHc=\r\n\r\n", 200, "You know"},
		{"GET /private\r\n\r\n", 401, "Who"},
	}
	for _, shell := range [][]string{{"sh"}, {"bash"}, {"busybox", "sh"}} {
		if _, err := exec.LookPath(shell[0]); err != nil {
			continue
		}
		for _, test := range tests {
			cmd := exec.Command(shell[0], append(shell[1:], filepath.Join(dir, "respond"))...)
			cmd.Stdin = strings.NewReader(test.request)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s: %q: %v", shell[0], test.request, err)
			}
			method, _, _ := strings.Cut(test.request, " ")
			resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(string(out))), &http.Request{Method: method})
			if err != nil {
				t.Fatalf("%s: %q: %v in %q", shell[0], test.request, err, out)
			}
			_, body, _ := strings.Cut(string(out), "\r\n\r\n")
			if resp.StatusCode != test.status || !strings.Contains(body, test.body) || test.body == "" && body != "" {
				t.Errorf("%s: %q: status %d, body %q", shell[0], test.request, resp.StatusCode, body)
			}
		}
	}
}

func TestScriptsParse(t *testing.T) {
	err := fs.WalkDir(templates.FS, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(p, ".sh") {
			return err
		}
		if out, err := exec.Command("sh", "-n", p).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", p, err, out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
