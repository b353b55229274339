package template

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"time"
)

// MaxArchive bounds the files of a template that go into an archive, in bytes. An archive is a
// row of the catalogue, and is read as a whole.
const MaxArchive = 16 << 20

// Archive is the files of a template, and of those that it extends, in one piece. It is for a
// machine that does not have them.
type Archive struct {
	Digest string // SHA-256 of the files, their names and executable bits, hex
	Data   []byte // compressed
}

// TooLarge is the error of Pack for a template that does not fit into an archive.
type TooLarge struct {
	Template string
	Size     int64 // bytes
}

func (e *TooLarge) Error() string {
	return fmt.Sprintf("the files of template %s have %.1f MiB, and an archive takes %d MiB at most", e.Template, float64(e.Size)/(1<<20), MaxArchive>>20)
}

// level is the files of one template of a chain.
type level struct {
	name string // the template's name if its file has none
	fsys fs.FS
	tree *tree
	keys map[string][]byte // of repositories, that have an address, by checksum
}

// The names in an archive: the contents, the files of each template below its number, and keys
// of repositories by their checksum.
const (
	archiveIndex = "archive.json"
	archiveKeys  = "keys"
)

// archiveDoc is the contents of an archive.
type archiveDoc struct {
	Format    int      `json:"format"`
	Templates []string `json:"templates"` // names, the template itself first
}

// archiveFormat is the format that this version writes and reads.
const archiveFormat = 1

// Signatures are the files that may be beside a template and sign its digest.
var Signatures = []string{"template.sig", "template.minisig"}

// maxSignature bounds the file of a signature, in bytes.
const maxSignature = 64 << 10

// Pack makes an archive of the files that belong to the template. Links are in it as the files
// to which they lead. The same files make the same archive.
func (t *Template) Pack() (Archive, error) {
	var size int64
	doc := archiveDoc{Format: archiveFormat}
	for _, f := range t.levels {
		size += f.tree.total
		doc.Templates = append(doc.Templates, f.name)
	}
	if size > MaxArchive { // before they are read
		return Archive{}, &TooLarge{t.Name, size}
	}
	w := &packer{}
	w.to = tar.NewWriter(&w.text)
	index, err := json.Marshal(doc)
	if err != nil {
		return Archive{}, err
	}
	w.add(archiveIndex, index, false)
	for i, f := range t.levels {
		w.folder(strconv.Itoa(i), f)
		if i == 0 {
			w.signatures(strconv.Itoa(i), f)
		}
	}
	keys := map[string][]byte{}
	for _, f := range t.levels {
		maps.Copy(keys, f.keys)
	}
	for _, sum := range slices.Sorted(maps.Keys(keys)) {
		w.add(path.Join(archiveKeys, sum), keys[sum], false)
	}
	if w.err == nil {
		w.err = w.to.Close()
	}
	if w.err != nil {
		return Archive{}, fmt.Errorf("cannot pack template %s: %w", t.Name, w.err)
	}
	if w.text.Len() > MaxArchive {
		return Archive{}, &TooLarge{t.Name, int64(w.text.Len())}
	}
	return archiveOf(w.text.Bytes())
}

// archiveOf compresses the text of an archive.
func archiveOf(text []byte) (Archive, error) {
	sum := sha256.Sum256(text)
	var data bytes.Buffer
	z := gzip.NewWriter(&data)
	_, err := z.Write(text)
	err = errors.Join(err, z.Close())
	return Archive{hex.EncodeToString(sum[:]), data.Bytes()}, err
}

// packer writes the text of an archive. After an error it does nothing.
type packer struct {
	text bytes.Buffer
	to   *tar.Writer
	err  error
}

func (w *packer) add(name string, content []byte, exec bool) {
	if w.err != nil {
		return
	}
	mode := int64(0o600)
	if exec {
		mode = 0o700
	}
	// A time or an owner would make another archive of the same files.
	if w.err = w.to.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(content)), ModTime: time.Unix(0, 0)}); w.err == nil {
		_, w.err = w.to.Write(content)
	}
}

// folder adds the files that were read when the template was loaded.
func (w *packer) folder(at string, f level) {
	for _, name := range slices.Sorted(maps.Keys(f.tree.leaves)) {
		if w.err != nil {
			return
		}
		leaf := f.tree.leaves[name]
		content, err := readLimited(f.fsys, name, leaf.size+1)
		if sum := sha256.Sum256(content); err == nil && hex.EncodeToString(sum[:]) != leaf.sum {
			err = errors.New("it has changed meanwhile")
		}
		if err != nil {
			w.err = fmt.Errorf("cannot read %s: %s", name, plain(err))
			return
		}
		w.add(path.Join(at, name), content, leaf.exec)
	}
}

func (w *packer) signatures(at string, f level) {
	for _, name := range Signatures {
		if text, err := readLimited(f.fsys, name, maxSignature+1); err == nil && len(text) <= maxSignature {
			w.add(path.Join(at, name), text, false)
		}
	}
}

// text returns the files of an archive as one text, whose digest it has checked.
func (a Archive) text() ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(a.Data))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(z, MaxArchive+1)) // a few bytes may stand for very many
	switch sum := sha256.Sum256(text); {
	case err != nil:
		return nil, err
	case len(text) > MaxArchive:
		return nil, fmt.Errorf("it has more than %d MiB", MaxArchive>>20)
	case hex.EncodeToString(sum[:]) != a.Digest:
		return nil, fmt.Errorf("its digest is %s, and not %s", hex.EncodeToString(sum[:]), a.Digest)
	}
	return text, nil
}
