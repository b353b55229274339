package vault

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The files beside the key file: the new key of a rotation that is not finished, and
// every replaced key under its id. Another catalogue or a backup may still need a
// replaced key.
const (
	nextSuffix = ".next"
	oldSuffix  = ".old-"
)

// retiredRecord takes the place of a record id when a retired key is sealed. No record
// can have this id.
const retiredRecord = "/keys"

// maxRing limits a search among retired keys that are sealed with each other, which could
// otherwise go round for ever.
const maxRing = 64

// keyOf finds the key with an id: the current one, one in a file beside it, or a retired
// one that the catalogue keeps, sealed with its successor. If there is none it returns
// the current key, so that opening fails with an error that names it.
func (v *Vault) keyOf(id string) (*key, error) { return v.search(id, maxRing) }

func (v *Vault) search(id string, depth int) (*key, error) {
	current, err := v.load(false)
	if err != nil || current.id == id {
		return current, err
	}
	if k := v.known(id); k != nil {
		return k, nil
	}
	k, err := v.beside(id)
	if k == nil && err == nil && depth > 0 {
		k, err = v.retired(id, depth-1)
	}
	if err != nil {
		return nil, err
	}
	if k == nil {
		return current, nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.others == nil {
		v.others = map[string]*key{}
	}
	v.others[id] = k
	return k, nil
}

func (v *Vault) known(id string) *key {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.others[id]
}

// beside looks for a key in the files beside the key file; nil means none. The next key
// may be installed during the search, so the key file is read last, once more.
func (v *Vault) beside(id string) (*key, error) {
	if v.fromEnv() || strings.Trim(id, "0123456789abcdef") != "" { // only hexadecimal digits, because the id becomes part of a path
		return nil, nil
	}
	path := v.opts.KeyFile
	for _, name := range []string{path + oldSuffix + id, path + nextSuffix, path} {
		k, _, err := readKey(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, err
		case k.id != id:
			continue
		}
		if name == path+nextSuffix {
			v.heal(id)
		}
		return k, nil
	}
	return nil, nil
}

// retired opens a key that the catalogue keeps; nil means none.
func (v *Vault) retired(id string, depth int) (*key, error) {
	if v.opts.Retired == nil {
		return nil, nil
	}
	sealed, err := v.opts.Retired(id)
	if err != nil {
		return nil, &Error{Text: "cannot look for the encryption key " + id, Err: err}
	}
	with, _, err := split(sealed)
	if err != nil {
		return nil, nil //nolint:nilerr // there is none, or it cannot be used
	}
	k, err := v.search(with, depth)
	if err != nil || k.id != with {
		return nil, err
	}
	raw, err := k.unseal(retiredRecord, id, sealed)
	if err != nil {
		return nil, err
	}
	return newKey(raw, "the catalogue")
}

// hasRetired reports whether the catalogue keeps a key as one that a rotation has replaced.
func (v *Vault) hasRetired(id string) bool {
	if v.opts.Retired == nil {
		return false
	}
	sealed, err := v.opts.Retired(id)
	return err == nil && sealed != ""
}

// takeOver is the next step for a member that still has a replaced key.
func (v *Vault) takeOver() string {
	if v.fromEnv() {
		return "set " + EnvKey + " to the newer key"
	}
	file := v.opts.KeyFile + ".new"
	if strings.Trim(file, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") != "" {
		file = "'" + strings.ReplaceAll(file, "'", `'\''`) + "'"
	}
	return "copy the newer key file to " + file + ", then: infrahaus key rotate --new-key-file " + file
}

// heal installs the next key if a rotation was killed after its values were sealed with
// that key. If it fails nothing is lost, because the key is also read from where it is.
func (v *Vault) heal(id string) {
	lock, err := v.lock()
	if err != nil {
		return // a rotation is running and will do it
	}
	defer unlock(lock)
	if k, _, err := readKey(v.opts.KeyFile + nextSuffix); err != nil || k.id != id {
		return
	}
	current, _, err := readKey(v.opts.KeyFile)
	if err == nil && v.keepOld(current) == nil {
		_ = v.install()
	}
}

// keepOld keeps the replaced key in a file named by its id.
func (v *Vault) keepOld(k *key) error {
	path := v.opts.KeyFile + oldSuffix + k.id
	if err := makeKey(path, k.raw); err != nil {
		return err
	}
	kept, _, err := readKey(path)
	if err == nil && kept.id != k.id {
		err = errors.New(path + " holds another key")
	}
	return err
}

// install renames the next key to the key file, in one step.
func (v *Vault) install() error {
	path := v.opts.KeyFile
	if err := os.Rename(path+nextSuffix, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
