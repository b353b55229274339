package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func (w *world) publish(name string, data []byte) (sum string) {
	w.Helper()
	if err := os.WriteFile(filepath.Join(w.root, name), data, 0o644); err != nil {
		w.Fatal(err)
	}
	raw := sha256.Sum256(data)
	return hex.EncodeToString(raw[:])
}

func (w *world) template(t *testing.T, text string) []byte {
	return archiveOf(t, entry{name: "web-1.0/template.yaml", body: "name: web\nos: debian-12\n"}, entry{name: "web-1.0/files/index.html", body: text})
}

func TestArchive(t *testing.T) {
	w := newWorld(t)
	at := "https://" + w.host + "/web.tar.gz"
	one := w.publish("web.tar.gz", w.template(t, "one"))
	f := w.fetcher(Options{})
	found := w.resolve(f, at, "", Anew)
	w.holds(found, "files/index.html", "one")
	if found.Resolved != at+"#sha256="+one || found.Source != at {
		t.Errorf("it is %s of %s", found.Resolved, found.Source)
	}
	w.holds(w.resolve(f, at+"//files#sha256="+one, "", Anew), "index.html", "one")
	w.publish("web.tar.gz", w.template(t, "two"))
	w.holds(w.resolve(f, at+"#sha256="+one, "", Anew), "files/index.html", "one") // from the cache
	w.holds(w.resolve(f, at, found.Resolved, Known), "files/index.html", "one")
	w.holds(w.resolve(f, at, found.Resolved, Anew), "files/index.html", "two")
	w.down()
	w.holds(w.resolve(f, at, "", Local), "files/index.html", "two")
}

// An archive of every form is the same template, whatever it is called.
func TestArchiveForms(t *testing.T) {
	w := newWorld(t)
	f := w.fetcher(Options{})
	for ending, data := range forms(t, entry{name: "web-1.0/template.yaml", body: "name: web\n"}, entry{name: "web-1.0/files/index.html", body: "one"}) {
		sum := w.publish("web"+ending, data)
		w.holds(w.resolve(f, "https://"+w.host+"/web"+ending+"#sha256="+sum, "", Anew), "files/index.html", "one")
	}
	w.publish("wrong.tar.gz", zipOf(t, entry{name: "a/b", body: "x"}))
	w.holds(w.resolve(f, "https://"+w.host+"/wrong.tar.gz", "", Anew), "b", "x")
	w.refused(f, "https://"+w.host+"/web.rar", "it does not end in .tar.gz, .tgz, .tar.zst, .tar, .zip")
}

func TestArchiveRefuses(t *testing.T) {
	w := newWorld(t)
	f := w.fetcher(Options{})
	at := "https://" + w.host + "/web.tar.gz"
	w.refused(f, at, "no such repository or archive (404")
	sum := w.publish("web.tar.gz", w.template(t, "one"))
	e := w.refused(f, at+"#sha256="+strings.Repeat("0", 64), "its sha256 is "+sum)
	if len(e.Hints) != 1 {
		t.Errorf("its hints are %q", e.Hints)
	}
	w.publish("web.tar.gz", archiveOf(t, entry{name: "../../x", body: "x"}))
	w.refused(f, at, `it is not unpacked: "../../x" leads out of its folder`)
	w.publish("web.tar.gz", []byte("<html>"))
	w.refused(f, at, "it is no tar archive")
	w.answer = func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Length", "1000")
		_, _ = out.Write(w.template(t, "cut"))
	}
	w.refused(f, at, "cannot reach the server")
	if entries, _ := os.ReadDir(filepath.Join(w.cache, "sha256")); len(entries) > 0 {
		t.Errorf("the cache keeps %v", entries)
	}
}
