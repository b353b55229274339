package vault

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// RotateOptions say where the new key comes from. With none of them it is random;
// a key of the environment can only be replaced by one of the user's, who has to
// keep it.
type RotateOptions struct {
	NewKey  string // 64 hexadecimal digits
	From    string // what NewKey is called in errors
	NewFile string // a file that holds them, 0600
}

// Rotation replaces the key that seals. Its steps in their order, each of which may
// be the last that this process does, and all of which may be done again:
//
//   - Prepare writes the new key beside the old one
//   - Reseal everything that is sealed and keep Retired, in one transaction
//   - KeepOld keeps the old key under its id
//   - Install puts the new key into its place
//
// In between, whatever was sealed with either key can be opened by every vault
// that reads the key file.
type Rotation struct {
	OldID, NewID string
	Resumed      bool // one that was killed is finished

	vault    *Vault
	lock     *flock.Flock // nil: the key is the environment's
	old, new *key
}

// Rotate begins a rotation and changes nothing yet. Close ends it.
func (v *Vault) Rotate(o RotateOptions) (*Rotation, error) {
	r := &Rotation{vault: v}
	if !v.fromEnv() {
		lock, err := v.lock()
		if err != nil {
			return nil, err
		}
		r.lock = lock
	}
	if err := r.choose(o); err != nil {
		r.Close()
		return nil, err
	}
	r.OldID, r.NewID = r.old.id, r.new.id
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.others == nil {
		v.others = map[string]*key{}
	}
	v.others[r.new.id] = r.new
	return r, nil
}

// choose finds the old and the new key.
func (r *Rotation) choose(o RotateOptions) (err error) {
	if r.old, err = r.vault.load(false); err != nil {
		return err
	}
	switch {
	case o.NewFile != "":
		r.new, _, err = readKey(o.NewFile)
	case o.NewKey != "":
		r.new, err = parseKey(o.NewKey, o.From)
	}
	if err != nil {
		return err
	}
	if r.lock != nil {
		next, _, err := readKey(r.nextPath())
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case r.new != nil && r.new.id != next.id:
			return &Error{Text: "cannot take a new key: a rotation to key " + next.id + " has not finished", Next: "finish it first: infrahaus key rotate"}
		default:
			r.new, r.Resumed = next, true
		}
	}
	switch {
	case r.new == nil && r.lock == nil:
		return &Error{Kind: ErrNoKey, Text: "cannot make a new key: the present one is in " + EnvKey + ", and nobody would keep the new one"}
	case r.new == nil:
		r.new, err = newKey(randomKey(), r.nextPath())
	case r.new.id == r.old.id && !r.Resumed:
		return &Error{Kind: ErrWrongKey, Text: "cannot rotate to key " + r.new.id + ": it is the one in use"}
	}
	return err
}

func (r *Rotation) nextPath() string { return r.vault.opts.KeyFile + nextSuffix }

// Prepare writes the new key beside the old one, synced.
func (r *Rotation) Prepare() error {
	if r.lock == nil {
		return nil
	}
	if err := makeKey(r.nextPath(), r.new.raw); err != nil {
		return &Error{Text: "cannot write the new encryption key", Err: err}
	}
	if k, _, err := readKey(r.nextPath()); err != nil || k.id != r.new.id {
		return &Error{Text: "cannot write the new encryption key: " + r.nextPath() + " holds another", Err: err}
	}
	return nil
}

// Reseal opens a sealed value and seals it with the new key. What the new key has
// sealed already is returned as it is.
func (r *Rotation) Reseal(recordID, name, sealed string) (string, error) {
	plain, err := r.vault.Unseal(recordID, name, sealed)
	if err != nil {
		return "", err
	}
	if with, _, _ := split(sealed); with == r.new.id {
		return sealed, nil
	}
	return r.new.seal(recordID, name, plain), nil
}

// Retired is the old key, sealed with the new one: what a process seals that has
// not heard of the rotation can be opened with it.
func (r *Rotation) Retired() (id, sealed string) {
	return r.old.id, r.new.seal(retiredRecord, r.old.id, r.old.raw)
}

// ResealRetired is Reseal for a retired key. One that cannot be opened is returned
// as it is: it is of no less use than before.
func (r *Rotation) ResealRetired(id, sealed string) string {
	again, err := r.Reseal(retiredRecord, id, sealed)
	if err != nil {
		return sealed
	}
	return again
}

// KeepOld keeps the old key under its id beside the key file, for other catalogues
// and for backups.
func (r *Rotation) KeepOld() error {
	if r.lock == nil {
		return nil
	}
	if err := r.vault.keepOld(r.old); err != nil {
		return &Error{Text: "cannot keep the old encryption key", Err: err, Next: "to go on from here: infrahaus key rotate"}
	}
	return nil
}

// Install puts the new key into its place.
func (r *Rotation) Install() error {
	if r.lock == nil {
		return nil
	}
	if err := r.vault.install(); err != nil {
		return &Error{Text: "cannot put the new encryption key into its place", Err: err, Next: "to go on from here: infrahaus key rotate"}
	}
	return nil
}

// Close lets others rotate.
func (r *Rotation) Close() {
	if r.lock != nil {
		unlock(r.lock)
	}
}

// lock makes sure that one process at a time moves keys about. The system frees
// the lock of a process that dies.
func (v *Vault) lock() (*flock.Flock, error) {
	path := v.opts.KeyFile + ".lock"
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, &Error{Text: "cannot lock the encryption key", Err: err}
	}
	lock := flock.New(path, flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	if err != nil {
		return nil, &Error{Text: "cannot lock the encryption key", Err: err}
	}
	if !got {
		lock.Close()
		return nil, &Error{Text: "cannot rotate the encryption key: another process is at it"}
	}
	return lock, nil
}

// unlock leaves the file: taking it away would let two processes hold a lock of
// that name.
func unlock(lock *flock.Flock) { lock.Close() }
