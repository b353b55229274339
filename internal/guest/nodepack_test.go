package guest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// packer is a node with a storage local, whose folder is dir, and a container 100.
func packer(t *testing.T) (h *host, o Options, dir string) {
	t.Helper()
	id := newSigner(t)
	h = newHost(t, id.PublicKey())
	dir = filepath.Join(t.TempDir(), "template", "cache")
	h.tool("pvesm", `case $2 in
local:*) echo "`+dir+`/${2##*/}" ;;
thin:*) echo "unable to parse lvm volume name '${2#*:}'" >&2; exit 25 ;;
dev:*) echo "/dev/pve/x" ;;
readonly:*) echo "/proc/none/${2##*/}" ;;
esac`)
	h.tool("pct", `[ "$1 $2 $3 $4 $5" = "exec 100 -- /usr/bin/env -i" ] || exit 2
shift 3; exec "$@"`)
	return h, Options{Node: h.nodeSSH(keyText(t, id))}, dir
}

// names are the files of a folder, hidden ones too.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return strings.Join(list, " ")
}

func TestPackOnNode(t *testing.T) {
	_, o, dir := packer(t)
	pack := func(volid, script string) (int64, error) {
		return o.PackOnNode(ctxFor(t), 100, NodeArchive{VolID: volid, Script: script, Whole: "whole it is"})
	}
	size, err := pack("local:vztmpl/a.tar.gz", `echo noise >&2; printf "archive\n$LEAK"; echo 'whole it is' >&2`)
	if got, _ := os.ReadFile(filepath.Join(dir, "a.tar.gz")); err != nil || size != 8 || string(got) != "archive\n" {
		t.Fatalf("%d bytes %q: %v", size, got, err)
	}
	info, err := os.Stat(filepath.Join(dir, "a.tar.gz"))
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	// The file of a killed run is removed. The file of a run in progress stays.
	host, _ := os.Hostname()
	dead, alive := ".a.tar.gz."+host+".4194999", ".a.tar.gz."+host+"."+itoa(os.Getpid())
	for _, name := range []string{dead, alive} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pack("local:vztmpl/a.tar.gz", "printf anew; echo 'whole it is' >&2"); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "a.tar.gz")); string(got) != "anew" || names(t, dir) != alive+" a.tar.gz" {
		t.Errorf("%q in %s", got, names(t, dir))
	}

	for what, script := range map[string]string{
		"nothing says that it is whole":  "echo part; echo 'is it whole it is?' >&2",
		"it breaks off":                  "echo part; echo 'no space left' >&2; exit 1",
		"it says of itself it is stored": `printf 'packed 5\nstored\n'`,
	} {
		_, err := pack("local:vztmpl/b.tar.gz", script)
		var e *Error
		if !errors.As(err, &e) || e.Message != "cannot pack container 100 on the node 127.0.0.1" || strings.Contains(names(t, dir), "b.tar.gz") {
			t.Errorf("%s: %v; there are %s", what, err, names(t, dir))
		}
		if what == "it breaks off" && e.Tail != "no space left" {
			t.Errorf("it does not say why: %q", e.Tail)
		}
	}

	for volid, why := range map[string]string{
		"thin:vztmpl/a.tar.gz":     "pvesm path fails: unable to parse lvm volume name 'vztmpl/a.tar.gz'",
		"dev:vztmpl/a.tar.gz":      "pvesm names no file: /dev/pve/x",
		"readonly:vztmpl/a.tar.gz": "cannot write to /proc/none on the node",
	} {
		var not *NotOnNode
		if _, err := pack(volid, "echo part"); !errors.As(err, &not) || not.Why != why {
			t.Errorf("%s: %v", volid, err)
		}
	}
	o.Node.User = "somebody"
	var not *NotOnNode
	if _, err := pack("local:vztmpl/a.tar.gz", ""); !errors.As(err, &not) || !strings.Contains(not.Why, "as somebody, not as root") {
		t.Errorf("%v", err)
	}
}

// Nothing is left of a packing that is given up, nor of one whose link is cut.
func TestPackOnNodeCut(t *testing.T) {
	for _, how := range []string{"cancel", "cut"} {
		t.Run(how, func(t *testing.T) {
			h, o, dir := packer(t)
			ctx, cancel := context.WithCancel(ctxFor(t))
			defer cancel()
			began := filepath.Join(t.TempDir(), "began")
			done := make(chan error, 1)
			go func() {
				_, err := o.PackOnNode(ctx, 100, NodeArchive{
					VolID: "local:vztmpl/a.tar.gz", Whole: "whole", Script: "echo part; : >" + began + "; while sleep 0.05; do echo part; done; echo whole >&2",
				})
				done <- err
			}()
			within(t, "the packing to begin", func() bool { _, err := os.Stat(began); return err == nil })
			within(t, "the hidden file", func() bool { return strings.HasPrefix(names(t, dir), ".a.tar.gz.") })
			if how == "cancel" {
				cancel()
			} else {
				h.cutAll()
			}
			if err := <-done; err == nil || how == "cancel" && !errors.Is(err, context.Canceled) {
				t.Errorf("it ends with %v", err)
			}
			if how == "cancel" && names(t, dir) != "" {
				t.Errorf("it has left %s", names(t, dir))
			}
			within(t, "the node to remove what it has packed", func() bool { return names(t, dir) == "" })
		})
	}
}
