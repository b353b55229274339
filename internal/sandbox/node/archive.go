package node

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path"
	"strings"
)

// uploaded reports whether an OS template came by an upload. Which system is in it shows its
// content, not its name.
func (n *Node) uploaded(t *Template) bool {
	return t.Path != "" && strings.HasPrefix(t.Path, n.TemplateDir()) && !strings.HasSuffix(t.Path, ".tar")
}

// detectArchive finds out the distribution of an archive as Proxmox does once it is unpacked.
func (n *Node) detectArchive(w *worker, c *creation, t *Template) error {
	release, err := osRelease(t.Path)
	if errors.Is(err, errNoGzip) {
		return fail("command 'lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- tar xpf - -z --totals --one-file-system -p --sparse --numeric-owner --acls --xattrs' failed: exit code 2")
	}
	if err != nil {
		return err
	}
	os := distributions[release["ID"]]
	if os == "" {
		return fail("unable to detect OS distribution")
	}
	if want := c.params["ostype"]; want != "" && want != os {
		w.Log("got unexpected ostype (" + os + " != " + want + ")")
	}
	c.conf["ostype"] = os
	c.systemd = systemd(release["ID"] + "-" + release["VERSION_ID"] + "-")
	return nil
}

var errNoGzip = errors.New("not in gzip format")

// osRelease reads os-release out of a .tar.gz. /etc/os-release is usually a link to the other.
func osRelease(archive string) (map[string]string, error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, errNoGzip
	}
	vars := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) || len(vars) > 0 {
			return vars, nil
		}
		if err != nil {
			return nil, errNoGzip
		}
		if name := path.Join("/", h.Name); h.Typeflag != tar.TypeReg || name != "/etc/os-release" && name != "/usr/lib/os-release" {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(r, 64<<10))
		if err != nil {
			return nil, errNoGzip
		}
		for line := range strings.Lines(string(b)) {
			if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
				vars[k] = strings.Trim(v, `"`)
			}
		}
	}
}
