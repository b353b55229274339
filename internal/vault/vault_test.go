package vault

import (
	"encoding/base64"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func none(string) string { return "" }

func open(t *testing.T, o Options) *Vault {
	t.Helper()
	if o.Getenv == nil {
		o.Getenv = none
	}
	v, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func seal(t *testing.T, v *Vault, id, name, text string) string {
	t.Helper()
	s, err := v.Seal(id, name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealed(t *testing.T) {
	v := open(t, Options{KeyFile: filepath.Join(t.TempDir(), "deep", "key")})
	for _, text := range []string{"", "s3cret", strings.Repeat("long ", 10_000), "\x00\xff"} {
		sealed := seal(t, v, "rec", "svc", text)
		if len(text) > 3 && strings.Contains(sealed, text) {
			t.Error("the text can be seen")
		}
		if sealed == seal(t, v, "rec", "svc", text) {
			t.Error("sealing twice gives the same")
		}
		got, err := v.Unseal("rec", "svc", sealed)
		if err != nil || string(got) != text {
			t.Errorf("Unseal = %.20q, %v; want %.20q", got, err, text)
		}
	}
}

func TestBoundToItsPlace(t *testing.T) {
	v := open(t, Options{KeyFile: filepath.Join(t.TempDir(), "key")})
	sealed := seal(t, v, "ab", "c", "x")
	for _, place := range [][2]string{{"ab", "d"}, {"a", "bc"}, {"abc", ""}, {"", "abc"}, {"AB", "c"}} {
		if _, err := v.Unseal(place[0], place[1], sealed); !errors.Is(err, ErrCorrupt) {
			t.Errorf("Unseal(%q) = %v, want ErrCorrupt", place, err)
		}
	}
}

func TestTampered(t *testing.T) {
	v := open(t, Options{KeyFile: filepath.Join(t.TempDir(), "key")})
	sealed := seal(t, v, "rec", "svc", "hello")
	head, text, _ := cutLast(sealed, ":")
	raw, _ := base64.StdEncoding.DecodeString(text)
	for i := range raw {
		bad := slices.Clone(raw)
		bad[i] ^= 1
		if got, err := v.Unseal("rec", "svc", head+":"+base64.StdEncoding.EncodeToString(bad)); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("byte %d changed: %q, %v", i, got, err)
		}
	}
	for _, garbage := range []string{"", "x", "v1", "v1:", "v1::", "v1:abc:", "v2" + sealed[2:], head + ":!!", head + ":AAAA", sealed[:len(sealed)-4], sealed + "\n", "::::"} {
		if got, err := v.Unseal("rec", "svc", garbage); err == nil {
			t.Errorf("Unseal(%q) = %q", garbage, got)
		}
	}
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	return s[:i], s[i+1:], i >= 0
}

func TestWrongKey(t *testing.T) {
	v := open(t, Options{KeyFile: filepath.Join(t.TempDir(), "key")})
	w := open(t, Options{Getenv: func(string) string { return strings.Repeat("0123456789abcdef", 4) }})
	sealed := seal(t, v, "rec", "svc", "hello")
	_, err := w.Unseal("rec", "svc", sealed)
	if !errors.Is(err, ErrWrongKey) {
		t.Fatalf("err = %v", err)
	}
	vid, _ := v.KeyID()
	wid, _ := w.KeyID()
	for _, want := range []string{vid, wid, EnvKey} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
	// Renaming the key in the envelope does not help an attacker.
	if _, err := w.Unseal("rec", "svc", strings.Replace(sealed, vid, wid, 1)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("err = %v", err)
	}
	if id, err := SealedWith(sealed); id != vid || err != nil {
		t.Errorf("SealedWith = %q, %v", id, err)
	}
}

func TestKeyFile(t *testing.T) {
	good := strings.Repeat("ab", 32)
	for _, c := range []struct {
		name, content string
		mode          os.FileMode
		want          string // in the error; "" for none
	}{
		{"good", good, 0o600, ""},
		{"with a newline", good + "\n", 0o400, ""},
		{"upper case", strings.ToUpper(good), 0o600, ""},
		{"read by others", good, 0o644, "others may read"},
		{"written by the group", good, 0o620, "others may read or write"},
		{"empty", "", 0o600, "want 64 hexadecimal digits"},
		{"short", good[:62], 0o600, "want 64"},
		{"long", good + "ab", 0o600, "want 64"},
		{"not hex", strings.Repeat("zz", 32), 0o600, "want 64"},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(c.content), c.mode); err != nil {
			t.Fatal(err)
		}
		os.Chmod(path, c.mode)
		err := open(t, Options{KeyFile: path}).Ready()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && c.content != "" && strings.Contains(err.Error(), c.content) {
			t.Errorf("%s: the error tells the key", c.name)
		}
	}
	if err := open(t, Options{KeyFile: t.TempDir()}).Ready(); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("a folder: %v", err)
	}
}

func TestNewKeyFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "infrahaus")
	v := open(t, Options{KeyFile: filepath.Join(dir, "key")})
	if _, err := v.KeyID(); !errors.Is(err, ErrNoKey) {
		t.Fatalf("reading made a key: %v", err)
	}
	if _, err := v.Unseal("rec", "svc", "v1:0123:AAAA"); !errors.Is(err, ErrNoKey) {
		t.Errorf("opening without a key: %v", err)
	}
	if err := v.Ready(); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 || entries[0].Name() != "key" {
		t.Errorf("left behind: %v", entries)
	}
	info, _ := entries[0].Info()
	folder, _ := os.Stat(dir)
	if info.Mode().Perm() != 0o600 || folder.Mode().Perm() != 0o700 {
		t.Errorf("modes %v, %v", info.Mode(), folder.Mode())
	}
}

func TestKeyMissingThoughSealed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	v := open(t, Options{KeyFile: path, Sealed: func() (bool, error) { return true, nil }})
	if _, err := v.Seal("rec", "svc", []byte("x")); !errors.Is(err, ErrNoKey) {
		t.Errorf("err = %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a key was made")
	}
	// Another process made the key while we asked whether anything is sealed.
	other := open(t, Options{KeyFile: path})
	v = open(t, Options{KeyFile: path, Sealed: func() (bool, error) { return true, other.Ready() }})
	if err := v.Ready(); err != nil {
		t.Errorf("the key that was made meanwhile is not taken: %v", err)
	}
}

func TestNoPlaceForAKey(t *testing.T) {
	if _, err := Open(Options{Getenv: none}); !errors.Is(err, ErrNoKey) {
		t.Errorf("err = %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o600)
	if err := open(t, Options{KeyFile: filepath.Join(file, "key")}).Ready(); err == nil {
		t.Error("a key was made below a file")
	}
}

// Twenty processes start at once and none has a key yet: all must end up with
// the same one.
func TestTwentyFirstRuns(t *testing.T) {
	path := os.Getenv("VAULT_TEST_KEY")
	if path != "" { // one of the twenty
		v := open(t, Options{KeyFile: path, Sealed: func() (bool, error) { return false, nil }})
		os.WriteFile(os.Getenv("VAULT_TEST_OUT"), []byte(seal(t, v, "rec", "svc", "hello")), 0o600)
		return
	}
	dir := t.TempDir()
	path = filepath.Join(dir, "config", "key")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^TestTwentyFirstRuns$")
			cmd.Env = append(os.Environ(), "VAULT_TEST_KEY="+path, "VAULT_TEST_OUT="+filepath.Join(dir, string(rune('a'+i))))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	all.Wait()
	v := open(t, Options{KeyFile: path})
	for i := range 20 {
		sealed, err := os.ReadFile(filepath.Join(dir, string(rune('a'+i))))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := v.Unseal("rec", "svc", string(sealed)); err != nil || string(got) != "hello" {
			t.Errorf("run %d sealed with a key of its own: %v", i, err)
		}
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

// One vault is shared by goroutines too.
func TestConcurrentUse(t *testing.T) {
	v := open(t, Options{KeyFile: filepath.Join(t.TempDir(), "key")})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			sealed, err := v.Seal("rec", "svc", []byte("x"))
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := v.Unseal("rec", "svc", sealed); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestPassword(t *testing.T) {
	seen, counts := map[string]bool{}, map[rune]int{}
	const n = 5000
	for range n {
		p := Password()
		if len(p) != 24 || strings.Trim(p, letters) != "" || seen[p] {
			t.Fatalf("password %q", p)
		}
		seen[p] = true
		for _, r := range p {
			counts[r]++
		}
	}
	// Each of 62 is expected 1935 times, with a deviation of 44. Without the
	// rejection the first eight would come 2343 times.
	for r, c := range counts {
		if c < 1635 || c > 2235 {
			t.Errorf("%q came %d times", r, c)
		}
	}
	if len(counts) != 62 {
		t.Errorf("%d letters are used", len(counts))
	}
}

// The seed is constant, because each worker of -fuzz is a process of its own. If each
// sealed its own text, the others could not open it.
func FuzzUnseal(f *testing.F) {
	const s = "v1:a195bbe3792a:yAS7h/Z5hkyKHdlhfrJsUlsw+3RKUZ0OZo+i2cA="
	v, _ := Open(Options{Getenv: func(string) string { return strings.Repeat("00", 32) }})
	if got, err := v.Unseal("rec", "svc", s); err != nil || string(got) != "x" {
		f.Fatalf("the seed does not open: %q, %v", got, err)
	}
	f.Add(s)
	f.Add("v1::")
	f.Fuzz(func(t *testing.T, sealed string) {
		if got, err := v.Unseal("rec", "svc", sealed); err == nil && (string(got) != "x" || sealed != s) {
			t.Errorf("%q opens to %q", sealed, got)
		}
	})
}
