package guest

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// pct push ends with status 0 whatever happens, so every file is pulled back.
func TestPlaceFiles(t *testing.T) {
	id := newSigner(t)
	h := newHost(t, id.PublicKey())
	root := t.TempDir()
	h.tool("pct", `R=`+root+`
case $1 in
push) case $4 in /lost) exit 0 ;; esac
	cp "$3" "$R$4" 2>/dev/null || echo "failed to create file: $4: No such file or directory" >&2; chmod "$6" "$R$4" 2>/dev/null; exit 0 ;;
pull) : >"$4"; [ -e "$R$3" ] || { echo "failed to open $3: No such file or directory" >&2; exit 0; }; cp "$R$3" "$4" ;;
exec) [ "$4" = mkdir ] && case $6 in /never*) exit 127 ;; esac; mkdir -p "$R$6" ;;
esac`)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("same", "x")
	write("kept", "the user's")
	write("old", "before")
	write("empty", "")
	files := []NodeFile{
		{Path: "/same", Policy: "replace", Content: []byte("x")},
		{Path: "/kept", Policy: "default", Content: []byte("x")},
		{Path: "/old", Policy: "backup", Content: []byte("new"), Mode: 0o600},
		{Path: "/etc/deep/it's", Policy: "default", Content: []byte("in a new folder")},
		{Path: "/never/file", Policy: "replace", Content: []byte("x")},
		{Path: "/lost", Policy: "replace", Content: []byte("x")},
		{Path: "/empty", Policy: "replace", Content: nil},
		{Path: "/none", Policy: "replace", Content: nil},
	}
	placed, err := h.nodeSSH(keyText(t, id)).PlaceFiles(ctxFor(t), 101, files, time.Date(2026, 11, 30, 15, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"same", "kept", "written", "written", "failed", "failed", "same", "written"} {
		if placed[i].State != want {
			t.Errorf("%s: %+v", files[i].Path, placed[i])
		}
	}
	for i, want := range map[int]string{4: "failed to create file: /never/file: No such file or directory", 5: "it is not in the container afterwards"} {
		if placed[i].Why != want {
			t.Errorf("%s: %q", files[i].Path, placed[i].Why)
		}
	}
	for name, want := range map[string]string{"old": "new", "old.backup-20261130-150000": "before", "etc/deep/it's": "in a new folder", "kept": "the user's"} {
		if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}
