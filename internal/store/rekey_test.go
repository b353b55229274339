package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/vault"
)

// openVault opens a vault as another process would.
func openVault(t *testing.T, s *Store, keyFile, env string) *vault.Vault {
	t.Helper()
	v, err := vault.Open(vault.Options{
		Getenv:  func(string) string { return env },
		KeyFile: keyFile,
		Sealed:  func() (bool, error) { return s.HasSealed(context.Background()) },
		Retired: func(id string) (string, error) { return s.RetiredKey(context.Background(), id) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sealIn(s *Store, v *vault.Vault, recordID, service, text string) error {
	envelope, err := v.Seal(recordID, service, []byte(text))
	if err != nil {
		return err
	}
	return s.SaveSealed(context.Background(), recordID, service, []string{"PASSWORD"}, envelope)
}

// openAll opens every row of a record; each must hold "secret of <service>".
func openAll(s *Store, v *vault.Vault, recordID string) (int, error) {
	rows, err := s.Credentials(context.Background(), recordID)
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		text, err := v.Unseal(recordID, r.Service, r.Envelope)
		if err != nil {
			return 0, err
		}
		if string(text) != "secret of "+r.Service {
			return 0, fmt.Errorf("%s holds %q", r.Service, text)
		}
	}
	return len(rows), nil
}

func rotate(s *Store, v *vault.Vault, o vault.RotateOptions) (int, error) {
	r, err := v.Rotate(o)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	if err := r.Prepare(); err != nil {
		return 0, err
	}
	n, err := s.Reseal(context.Background(), r)
	return n, errors.Join(err, r.KeepOld(), r.Install())
}

func sealedStore(t *testing.T, env string, n int) (s *Store, keyFile, recordID string) {
	t.Helper()
	s = open(t, t.TempDir())
	keyFile = filepath.Join(t.TempDir(), "key")
	recordID = create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"}).RecordID
	v := openVault(t, s, keyFile, env)
	for i := range n {
		service := fmt.Sprint("svc", i)
		if err := sealIn(s, v, recordID, service, "secret of "+service); err != nil {
			t.Fatal(err)
		}
	}
	return s, keyFile, recordID
}

// Processes that read and write while the key is rotated again and again get no error,
// and a later process can open every row.
func TestRotateWhileOthersReadAndWrite(t *testing.T) { onBoth(t, testRotateWhileOthersReadAndWrite) }

func testRotateWhileOthersReadAndWrite(t *testing.T) {
	s, keyFile, id := sealedStore(t, "", 5)
	stop := make(chan struct{})
	var all sync.WaitGroup
	again := func(do func(n int) error) {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := do(n); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for w := range 2 {
		mine := open(t, s.dir)
		long := openVault(t, mine, keyFile, "") // a process that runs all the time
		again(func(int) error { _, err := openAll(mine, long, id); return err })
		again(func(int) error { _, err := openAll(mine, openVault(t, mine, keyFile, ""), id); return err })
		again(func(n int) error {
			service := fmt.Sprintf("new%d-%d", w, n%20)
			return sealIn(mine, long, id, service, "secret of "+service)
		})
	}
	for range 8 {
		if _, err := rotate(s, openVault(t, s, keyFile, ""), vault.RotateOptions{}); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	all.Wait()
	if n, err := openAll(s, openVault(t, s, keyFile, ""), id); err != nil || n < 5 {
		t.Errorf("%d rows, %v", n, err)
	}
}

// A value that was sealed before a rotation and saved after it, even after several, is
// not lost: neither if the old keys are kept beside the new one, nor if only the present
// key is left.
func TestStragglerIsNotLost(t *testing.T) {
	for _, env := range []string{"", strings.Repeat("0a", 32)} {
		s, keyFile, id := sealedStore(t, env, 1)
		late, err := openVault(t, s, keyFile, env).Seal(id, "late", []byte("secret of late"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			o := vault.RotateOptions{}
			if env != "" {
				o.NewKey = strings.Repeat(fmt.Sprintf("%02x", 0x1a+i), 32)
			}
			if _, err := rotate(s, openVault(t, s, keyFile, env), o); err != nil {
				t.Fatal(err)
			}
			if env != "" {
				env = o.NewKey
			}
		}
		if err := s.SaveSealed(context.Background(), id, "late", nil, late); err != nil {
			t.Fatal(err)
		}
		if n, err := openAll(s, openVault(t, s, keyFile, env), id); n != 2 || err != nil {
			t.Errorf("%d rows, %v", n, err)
		}
		old, _ := filepath.Glob(keyFile + ".old-*")
		for _, path := range old {
			os.Remove(path)
		}
		if n, err := openAll(s, openVault(t, s, keyFile, env), id); n != 2 || err != nil {
			t.Errorf("without the old keys: %d rows, %v", n, err)
		}
		o := vault.RotateOptions{}
		if env != "" {
			o.NewKey = strings.Repeat("9f", 32)
		}
		if n, err := rotate(s, openVault(t, s, keyFile, env), o); n != 2 || err != nil {
			t.Errorf("the next rotation re-seals %d, %v", n, err)
		}
	}
}

// Another catalogue with the same key file can open its values after any number of
// rotations here.
func TestTwoCataloguesOneKey(t *testing.T) {
	a, keyFile, _ := sealedStore(t, "", 1)
	b := open(t, t.TempDir())
	id := create(t, b, lxc.Container{HostID: host(t, b, "h"), Hostname: "db"}).RecordID
	if err := sealIn(b, openVault(t, b, keyFile, ""), id, "svc", "secret of svc"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := rotate(a, openVault(t, a, keyFile, ""), vault.RotateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := openAll(b, openVault(t, b, keyFile, ""), id); n != 1 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
	if n, err := rotate(b, openVault(t, b, keyFile, ""), vault.RotateOptions{}); n != 1 || err != nil {
		t.Errorf("%d re-sealed, %v", n, err)
	}
}

// dies is a rotation that is killed inside the transaction.
type dies struct {
	*vault.Rotation
	left int
}

func (d *dies) Reseal(recordID, service, envelope string) (string, error) {
	if d.left--; d.left < 0 {
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
		select {}
	}
	return d.Rotation.Reseal(recordID, service, envelope)
}

func TestKilledInTheTransaction(t *testing.T) {
	if dir := os.Getenv("STORE_TEST_ROTATE_IN"); dir != "" {
		s := open(t, dir)
		r, err := openVault(t, s, os.Getenv("STORE_TEST_KEY"), "").Rotate(vault.RotateOptions{})
		if err == nil {
			err = r.Prepare()
		}
		if err == nil {
			_, err = s.Reseal(context.Background(), &dies{r, 2})
		}
		t.Fatalf("it lives: %v", err)
	}
	s, keyFile, id := sealedStore(t, "", 4)
	before, _ := os.ReadFile(keyFile)
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledInTheTransaction$")
	cmd.Env = append(os.Environ(), "STORE_TEST_ROTATE_IN="+s.dir, "STORE_TEST_KEY="+keyFile)
	if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("not killed: %v\n%s", err, out)
	}
	if after, _ := os.ReadFile(keyFile); string(after) != string(before) {
		t.Error("the key changed")
	}
	v := openVault(t, s, keyFile, "")
	if n, err := openAll(s, v, id); n != 4 || err != nil {
		t.Fatalf("%d rows, %v", n, err)
	}
	r, err := v.Rotate(vault.RotateOptions{})
	if err != nil || !r.Resumed {
		t.Fatalf("%+v %v", r, err)
	}
	r.Close()
	if n, err := rotate(s, v, vault.RotateOptions{}); n != 4 || err != nil {
		t.Fatalf("%d re-sealed, %v", n, err)
	}
	if n, err := openAll(s, openVault(t, s, keyFile, ""), id); n != 4 || err != nil {
		t.Fatalf("%d rows, %v", n, err)
	}
}

// A row that cannot be opened stops the rotation, and no row is changed.
func TestRotationIsAllOrNothing(t *testing.T) { onBoth(t, testRotationIsAllOrNothing) }

func testRotationIsAllOrNothing(t *testing.T) {
	s, keyFile, id := sealedStore(t, "", 3)
	if err := s.SaveSealed(context.Background(), id, "zzz", nil, "v1:0123456789ab:AAAA"); err != nil {
		t.Fatal(err)
	}
	before, _ := s.Credentials(context.Background(), id)
	r, err := openVault(t, s, keyFile, "").Rotate(vault.RotateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := s.CheckSealed(context.Background(), r); !errors.Is(err, vault.ErrWrongKey) {
		t.Errorf("CheckSealed: %v", err)
	}
	if n, err := s.Reseal(context.Background(), r); n != 0 || !errors.Is(err, vault.ErrWrongKey) {
		t.Errorf("Reseal: %d, %v", n, err)
	}
	after, _ := s.Credentials(context.Background(), id)
	if fmt.Sprint(before) != fmt.Sprint(after) {
		t.Error("rows were changed")
	}
	if left, _ := filepath.Glob(keyFile + ".[no]*"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// Values that the old key had sealed are gone from the file, not only from its tables.
func TestOldEnvelopesAreOverwritten(t *testing.T) {
	s, keyFile, id := sealedStore(t, "", 30)
	before, _ := s.Credentials(context.Background(), id)
	if _, err := rotate(s, openVault(t, s, keyFile, ""), vault.RotateOptions{}); err != nil {
		t.Fatal(err)
	}
	all := string(dump(t, s))
	for _, r := range before {
		if strings.Contains(all, r.Envelope) {
			t.Fatalf("the old envelope of %s is still there", r.Service)
		}
	}
}

func TestOneRotationAtATime(t *testing.T) {
	s, keyFile, _ := sealedStore(t, "", 1)
	r, err := openVault(t, s, keyFile, "").Rotate(vault.RotateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openVault(t, s, keyFile, "").Rotate(vault.RotateOptions{}); err == nil || !strings.Contains(err.Error(), "another process is at it") {
		t.Errorf("a second rotation: %v", err)
	}
	r.Close()
	if _, err := rotate(s, openVault(t, s, keyFile, ""), vault.RotateOptions{}); err != nil {
		t.Error(err)
	}
}
