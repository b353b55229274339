package store

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/discover"
)

// The texts that version 3 has left in clear, as a name or in a script's output.
const (
	urlName  = "postgres://app:url-pw-4410@db/x?sslmode"
	b64Name  = "dGhlIHNlY3JldCBvZiBiNjQ"
	wireName = "AddrKey+of/wg"
	goneName = "amqp://u:gone-pw-5521@mq/?heartbeat" // replaced since: only in an event and a copy
)

var leakedTexts = []string{"url-pw-4410", b64Name, wireName, "gone-pw-5521"}

const web, run3 = "01JD0000000000000000000001", "01JD0000000000000000000002"

// toySeal is a vault whose ciphertext contains none of the words that the tests search
// for.
func toySeal(values map[string]string) string {
	doc, _ := json.Marshal(values)
	return "toy:" + hex.EncodeToString(doc)
}

func toyOpen(envelope string) (values map[string]string) {
	doc, _ := hex.DecodeString(strings.TrimPrefix(envelope, "toy:"))
	_ = json.Unmarshal(doc, &values)
	return values
}

func toyReread(s Sealed) (Sealed, []string, error) {
	now, leaked, changed := discover.Reread(toyOpen(s.Envelope))
	if s.Keys = slices.Sorted(maps.Keys(now)); changed {
		s.Envelope = toySeal(now)
	}
	return s, leaked, nil
}

func noKey(s Sealed) (Sealed, []string, error) { return s, nil, errors.New("no encryption key") }

// version3 makes a database of version 3 as a process that still runs leaves it: with
// rows in the -wal file, free pages, an older copy and a log.
func version3(t *testing.T) string {
	t.Helper()
	dir := oldDatabase(t)
	db, err := sql.Open("sqlite", filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	do := func(query string, args ...any) {
		t.Helper()
		if _, err := db.Exec(query, args...); err != nil {
			t.Fatal(err)
		}
	}
	row := func(service string, values map[string]string) {
		keys, _ := json.Marshal(slices.Sorted(maps.Keys(values)))
		do(`INSERT OR REPLACE INTO sealed VALUES (?, ?, ?, ?, '')`, web, service, string(keys), toySeal(values))
	}
	do(migrations[1] + migrations[2] + `PRAGMA user_version = 3; PRAGMA wal_autocheckpoint = 0`)
	row("nginx", map[string]string{"USER": "app", "PASSWORD": "right-pw"})
	row("url", map[string]string{goneName: "10"})
	event3(t, db, 3, goneName)
	old := filepath.Join(dir, FileName+".v2-20260101T000000.000Z.bak")
	do(`VACUUM INTO ?`, old)
	row("url", map[string]string{urlName: "require"})
	row("b64", map[string]string{b64Name: ""})
	row("wg", map[string]string{wireName: "zz", "PrivateKey": "abc"})
	event3(t, db, 4, urlName)
	event3(t, db, 5, b64Name)
	do(`UPDATE services SET doc = ?`, `[{"name":"nginx","type":"systemd","status":"running","credentialKeys":["PASSWORD","USER"]},`+
		`{"name":"wg","type":"credential","status":"stopped","credentialKeys":["`+wireName+`","PrivateKey"]}]`)
	do(`INSERT INTO jobs VALUES (?, ?, '')`, web, `{"note":"`+urlName+`","big":12345678901234567890}`)
	do(`CREATE TABLE scratch (text TEXT)`)
	for range 50 {
		do(`INSERT INTO scratch VALUES (?)`, strings.Repeat(urlName+b64Name+wireName, 100))
	}
	do(`DROP TABLE scratch`) // without secure_delete, so that the text stays in free pages
	if err := os.MkdirAll(filepath.Join(dir, "logs", web), 0o700); err != nil {
		t.Fatal(err)
	}
	log := `{"seq":1,"timestamp":"2026-01-05T10:00:00.000Z","type":"log","scriptName":"10.sh","stream":"stdout","message":"%s"}` + "\n"
	text := fmt.Sprintf(log, "plain talk") + fmt.Sprintf(log, "connecting to "+urlName+"=require") +
		fmt.Sprintf(log, "postgres://app:url-") + fmt.Sprintf(log, "pw-4410@db/x?sslmode is broken") + fmt.Sprintf(log, "its password is url-pw-4410")
	for name, text := range map[string]string{run3 + ".ndjson": text, "other.ndjson": fmt.Sprintf(log, "the key "+b64Name+"="),
		"left.ndjson.scrub": text, "clean.ndjson": fmt.Sprintf(log, "nothing")} {
		if err := os.WriteFile(filepath.Join(dir, "logs", web, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range leakedTexts { // check that the search finds the texts before the upgrade
		if len(holders(t, dir, text)) == 0 {
			t.Fatalf("%s leaks nowhere", text)
		}
	}
	return dir
}

func event3(t *testing.T, db *sql.DB, seq int, name string) {
	t.Helper()
	doc := fmt.Sprintf(`{"seq":%d,"timestamp":"2026-01-05T10:00:00.000Z","type":"service","containerId":"%s","runId":"%s",`+
		`"message":"%s is stopped","service":{"name":"url","type":"credential","status":"stopped","credentialKeys":["%s"]}}`, seq, web, run3, name, name)
	if _, err := db.Exec(`INSERT INTO events VALUES (?, ?, 'service', ?)`, run3, seq, doc); err != nil {
		t.Fatal(err)
	}
}

// holders returns the files below dir that contain text.
func holders(t *testing.T, dir, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, []byte(text)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func nowhere(t *testing.T, dir string) {
	t.Helper()
	for _, text := range leakedTexts {
		if found := holders(t, dir, text); len(found) > 0 {
			t.Errorf("%s stands in %v", text, found)
		}
	}
}
