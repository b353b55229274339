package vault

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// RotateOptions say where the new key comes from. Without any of them it is random. A key
// from the environment can only be replaced by one that the user supplies, because the
// tool cannot store it there.
type RotateOptions struct {
	NewKey  string // 64 hexadecimal digits
	From    string // what NewKey is called in errors
	NewFile string // a file with the digits, mode 0600
}

// Rotation replaces the key that seals. The process may die after any of these steps, and
// every step may be repeated:
//
//   - Prepare writes the new key beside the old one
//   - Reseal every sealed value and keep Retired, in one transaction
//   - KeepOld keeps the old key under its id
//   - Install puts the new key into its place
//
// At any moment, every vault that reads the key file can open what either key has sealed.
type Rotation struct {
	OldID, NewID string
	Resumed      bool // it finishes a rotation that was killed

	vault    *Vault
	lock     *flock.Flock // nil if the key comes from the environment
	old, new *key
}

// Rotate prepares a rotation and changes nothing yet. The caller must Close it.
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

// Reseal opens a sealed value and seals it with the new key. It returns a value unchanged
// if the new key has sealed it already.
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

// GiveUp removes the new key that Prepare has written, for a rotation that has sealed nothing
// with it. One that was killed before is left as it is.
func (r *Rotation) GiveUp() {
	if r.lock != nil && !r.Resumed {
		_ = os.Remove(r.nextPath()) // it is in nobody's way, and the next rotation would take it
	}
}

// Retired is the old key, sealed with the new one. It opens values that another process
// still seals with the old key because it does not know of the rotation yet.
func (r *Rotation) Retired() (id, sealed string) {
	return r.old.id, r.new.seal(retiredRecord, r.old.id, r.old.raw)
}

// ResealRetired is Reseal for a retired key. It returns a key unchanged if it cannot be
// opened, because that key is no less useful than before.
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

// Install puts the new key into its place. The rotation is complete then.
func (r *Rotation) Install() error {
	if r.lock == nil {
		return nil
	}
	if err := r.vault.install(); err != nil {
		return &Error{Text: "cannot put the new encryption key into its place", Err: err, Next: "to go on from here: infrahaus key rotate"}
	}
	return nil
}

// Close releases the lock, so that another process can rotate.
func (r *Rotation) Close() {
	if r.lock != nil {
		unlock(r.lock)
	}
}

// lock lets only one process at a time move keys. The system releases the lock of a
// process that dies.
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

// unlock does not remove the file: then two processes could each hold a lock of that
// name.
func unlock(lock *flock.Flock) { lock.Close() }
