package vault

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Beside the key file lie the key that a rotation is about to put into its place,
// and every key that one has replaced, by its id: another catalogue, or a backup,
// may still need it.
const (
	nextSuffix = ".next"
	oldSuffix  = ".old-"
)

// retiredRecord stands for a record id where a retired key is sealed; no record
// can have it.
const retiredRecord = "/keys"

// maxRing ends a search among retired keys that are sealed with each other.
const maxRing = 64

// keyOf finds the key of an id: the one that seals, one that lies beside it, or a
// retired one that the catalogue keeps, sealed with its successor. Where there is
// none it returns the key that seals, for the error's sake.
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

// beside looks for a key in the files beside the key file; nil for none. The next
// key may take its place while we look, so that is looked at last and once more.
func (v *Vault) beside(id string) (*key, error) {
	if v.fromEnv() || strings.Trim(id, "0123456789abcdef") != "" { // an id becomes part of a path
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

// retired opens a key that the catalogue keeps; nil for none.
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
		return nil, nil //nolint:nilerr // there is none, or it is of no use
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

// heal puts the next key into its place where a rotation was killed after its
// values were sealed with it. Nothing is lost where that cannot be done: it is
// read from where it lies.
func (v *Vault) heal(id string) {
	lock, err := v.lock()
	if err != nil {
		return // a rotation goes on, and will do it
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

// keepOld keeps the key file under its id.
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

// install puts the next key in the place of the key file, in one step.
func (v *Vault) install() error {
	path := v.opts.KeyFile
	if err := os.Rename(path+nextSuffix, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
