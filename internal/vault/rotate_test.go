package vault

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func rotateHalf(t *testing.T, v *Vault) *Rotation {
	t.Helper()
	r, err := v.Rotate(RotateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Prepare(); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestLivingVaultTakesTheNewKeyUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	v := open(t, Options{KeyFile: path})
	old := seal(t, v, "rec", "svc", "x")
	r, err := open(t, Options{KeyFile: path}).Rotate(RotateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	again, err := r.Reseal("rec", "svc", old)
	if err := errors.Join(err, r.Prepare(), r.KeepOld(), r.Install()); err != nil {
		t.Fatal(err)
	}
	for _, sealed := range []string{old, again, seal(t, v, "rec", "svc", "x")} {
		if got, err := v.Unseal("rec", "svc", sealed); err != nil || string(got) != "x" {
			t.Errorf("Unseal = %q, %v", got, err)
		}
	}
	if id, _ := SealedWith(seal(t, v, "rec", "svc", "x")); id != r.NewID {
		t.Errorf("sealed with %s, want the new key %s", id, r.NewID)
	}
	for _, name := range []string{path, path + ".old-" + r.OldID} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	// A key file that is gone or damaged does not stop a process that has the key.
	os.WriteFile(path+".x", []byte("spoilt"), 0o600)
	os.Rename(path+".x", path)
	seal(t, v, "rec", "svc", "x")
	os.Remove(path)
	seal(t, v, "rec", "svc", "x")
}

// Only a key with which something was sealed is installed.
func TestHealing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	first := open(t, Options{KeyFile: path})
	old := seal(t, first, "rec", "svc", "x")
	r := rotateHalf(t, open(t, Options{KeyFile: path}))
	later := open(t, Options{KeyFile: path})
	if _, err := later.Unseal("rec", "svc", old); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + ".next"); err != nil {
		t.Fatal("the new key was installed, though nothing is sealed with it")
	}
	again, err := r.Reseal("rec", "svc", old)
	if err != nil {
		t.Fatal(err)
	}
	lock, err := later.lock() // while a rotation runs, a reader leaves the files alone
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Unseal("rec", "svc", again); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path + ".next"); err != nil {
		t.Error("a reader moved the keys of a rotation that goes on")
	}
	unlock(lock)
	if _, err := later.Unseal("rec", "svc", again); err != nil {
		t.Error(err)
	}
	if id, err := open(t, Options{KeyFile: path}).KeyID(); id != r.NewID || err != nil {
		t.Errorf("the key file holds %s, %v, want %s", id, err, r.NewID)
	}
	if _, err := open(t, Options{KeyFile: path}).Unseal("rec", "svc", old); err != nil {
		t.Error(err)
	}
}

func TestNewKeyWhileAnotherIsUnfinished(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	v := open(t, Options{KeyFile: path})
	if err := v.Ready(); err != nil {
		t.Fatal(err)
	}
	rotateHalf(t, v)
	if _, err := v.Rotate(RotateOptions{NewKey: strings.Repeat("ab", 32), From: "NEW"}); err == nil || !strings.Contains(err.Error(), "has not finished") {
		t.Errorf("err = %v", err)
	}
	if _, err := v.Rotate(RotateOptions{NewKey: "abc", From: "NEW"}); !errors.Is(err, ErrWrongKey) || !strings.Contains(err.Error(), "NEW") {
		t.Errorf("err = %v", err)
	}
	if r, err := v.Rotate(RotateOptions{}); err != nil || !r.Resumed {
		t.Errorf("%+v %v", r, err)
	}
}

// The id in an envelope may be any text. It must not lead to a file elsewhere.
func TestKeyIDIsNoPath(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	v := open(t, Options{KeyFile: path})
	seal(t, v, "rec", "svc", "x")
	os.Mkdir(path+".old-", 0o700)
	os.WriteFile(filepath.Join(dir, "letter"), []byte("secret letter"), 0o644)
	_, err := v.Unseal("rec", "svc", "v1:/../letter:AAAA")
	if !errors.Is(err, ErrWrongKey) || strings.Contains(err.Error(), "others may") {
		t.Errorf("err = %v", err)
	}
}
