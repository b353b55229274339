package node

import (
	"context"
	"crypto/md5"  //nolint:gosec // what Proxmox offers
	"crypto/sha1" //nolint:gosec
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// UploadDir is where the web server puts a file that is being uploaded: /var/tmp of a node.
func (n *Node) UploadDir() string { return n.opt.Dir }

// archiveName is VZTMPL_EXT_RE_1, behind any name.
var archiveName = regexp.MustCompile(`(?i)[^/]+\.tar\.(gz|xz|zst|bz2)$`)

// Upload is POST /nodes/NODE/storage/STORAGE/upload: a task that checks a file which the web
// server has received, and copies it to the storage. A file of that name is overwritten. It
// takes OS templates only.
func (n *Node) Upload(a Auth, p Params, tmp string) (upid string, err error) {
	defer func() {
		if err != nil && tmp != "" {
			_ = os.Remove(tmp)
		}
	}()
	n.mu.Lock()
	s, err := n.storage(p["storage"])
	n.mu.Unlock()
	if err != nil {
		return "", err
	}
	if s.Type != "dir" && s.Type != "btrfs" {
		return "", fail("can't upload to storage type '%s'", s.Type)
	}
	if tmp == "" {
		return "", fail("missing temporary file name")
	}
	info, err := os.Stat(tmp)
	if err != nil {
		return "", fail("temporary file '%s' does not exist", tmp)
	}
	file := contentName(p["filename"])
	switch {
	case p["content"] != "vztmpl":
		return "", fail("sandbox: the simulated node takes OS templates only, not content '%s'", p["content"])
	case !archiveName.MatchString(file):
		return "", badParam("filename", "wrong file extension")
	case !s.holds("vztmpl"):
		return "", fail("storage '%s' does not support '%s' content", s.ID, p["content"])
	}
	t := Template{Volid: s.ID + ":vztmpl/" + file, Size: info.Size()}
	return n.fork(a, "imgcopy", "", func(_ context.Context, w *worker) error {
		defer func() { _ = os.Remove(tmp) }()
		shown := "/var/tmp/" + filepath.Base(tmp)
		w.Log("starting file import from: " + shown)
		if alg := p["checksum-algorithm"]; alg != "" {
			got, err := fileHash(alg, tmp)
			if err != nil {
				return err
			}
			if !strings.EqualFold(got, p["checksum"]) {
				w.Log("calculating checksum...")
				return fail("checksum mismatch: got '%s' != expect '%s'", got, p["checksum"])
			}
			w.Log("calculating checksum...OK, checksum verified")
		}
		w.Log("target node: " + Name)
		w.Log("target file: " + cache + file)
		w.Log(fmt.Sprintf("file size is: %d", info.Size()))
		w.Log("command: cp -- " + shown + " " + cache + file)
		if err := n.keepArchive(tmp, &t); err != nil {
			return err
		}
		w.Log("finished file import successfully")
		return nil
	})
}

// keepArchive moves an archive to where those of its storage lie.
func (n *Node) keepArchive(tmp string, t *Template) error {
	dir := n.imageDir(t.Volid)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	t.Path = filepath.Join(dir, t.File())
	if err := os.Rename(tmp, t.Path); err != nil {
		return err
	}
	return n.AddTemplate(*t)
}

func fileHash(algorithm, path string) (string, error) {
	h := map[string]func() hash.Hash{
		"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
	}[algorithm]()
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}
