package community

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// GuestDir is where the container has the files of the checkout.
const GuestDir = "/usr/local/share/infrahaus/community"

// moving are addresses of the project's files on a branch, which changes from day to day.
var moving = lazy.Regexp(`https://(?:raw\.githubusercontent\.com/community-scripts/ProxmoxVE/(?:refs/heads/)?main|git\.community-scripts\.org/community-scripts/ProxmoxVE/raw/branch/main)((?:/[A-Za-z0-9._-]+)*)`)

// pinned are the files of the checkout that the container gets.
type pinned struct {
	files map[string][]byte // by path in the checkout; every moving address in them is a file's
	sums  map[string]string // SHA-256 in hexadecimal of what the checkout has
}

// pin collects the installer, the file with its functions, and everything that they name
// by a moving address and that the checkout has. Addresses become those of files in the
// container, also of files that the checkout lacks: fetching these fails there, instead of
// running what nobody has pinned.
func pin(fsys fs.FS, ct, install *script, functions string) (*pinned, error) {
	p := &pinned{files: map[string][]byte{}, sums: map[string]string{}}
	todo := []string{functions, "misc/core.func", "misc/error_handler.func", "misc/tools.func"}
	for _, s := range []*script{install, ct} {
		p.sums[s.file] = sum(s.text)
		text, named := rewrite(s.edited())
		p.files[s.file] = text
		todo = append(todo, named...)
	}
	for len(todo) > 0 {
		file := todo[0]
		todo = todo[1:]
		if _, ok := p.files[file]; ok {
			continue
		}
		info, err := fs.Stat(fsys, file)
		if err != nil || !info.Mode().IsRegular() {
			if file == functions {
				_, err = readFile(fsys, file)
				return nil, err
			}
			continue
		}
		text, err := readFile(fsys, file)
		if err != nil {
			return nil, err
		}
		p.sums[file] = sum(text)
		text, named := rewrite(text)
		p.files[file] = text
		todo = append(todo, named...)
	}
	return p, nil
}

// names are the files, sorted.
func (p *pinned) names() []string { return slices.Sorted(maps.Keys(p.files)) }

func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}

// rewrite turns moving addresses into those of the container's files, and returns the
// paths that they name. Pictures stay: they are for people to look at.
func rewrite(text []byte) ([]byte, []string) {
	var named []string
	out := moving().ReplaceAllFunc(text, func(address []byte) []byte {
		file := strings.TrimPrefix(string(moving().FindSubmatch(address)[1]), "/")
		if slices.Contains([]string{".png", ".svg", ".jpg"}, path.Ext(file)) {
			return address
		}
		named = append(named, file)
		return bytes.TrimSuffix([]byte("file://"+GuestDir+"/"+file), []byte("/"))
	})
	return out, named
}
