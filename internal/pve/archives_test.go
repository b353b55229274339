package pve_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/pve"
)

// An image is used only if it is of just what the template and the OS template are now.
func TestResolveBaked(t *testing.T) {
	const os, image = "debian-12-standard_12.7-1_amd64.tar.zst", "infrahaus-web_debian-12_1111111111111111_amd64.tar.gz"
	row := func(name string, size int, age time.Duration) string {
		return fmt.Sprintf(`{"volid":"local:vztmpl/%s","content":"vztmpl","size":%d,"ctime":%d}`, name, size, time.Now().Add(-age).Unix())
	}
	wish := func(not string) *pve.BakedWish {
		return &pve.BakedWish{Like: "infrahaus-web_", MaxAge: 48 * time.Hour, Bake: "infrahaus template bake web", Not: not,
			Name: func(name string, size int64) string {
				if name == os && size == 100 {
					return image
				}
				return "infrahaus-web_debian-12_2222222222222222_amd64.tar.gz"
			}}
	}
	for name, c := range map[string]struct {
		content []string
		wish    *pve.BakedWish
		os      string
		volid   string
		note    string
	}{
		"current":               {[]string{row(os, 100, 0), row(image, 5, time.Hour)}, wish(""), "", image, "baked image local:vztmpl/" + image},
		"not asked for":         {[]string{row(os, 100, 0), row(image, 5, time.Hour)}, nil, "", os, ""},
		"none":                  {[]string{row(os, 100, 0), row("infrahaus-other_debian-12_1111111111111111_amd64.tar.gz", 5, 0)}, wish(""), "", os, ""},
		"another OS template":   {[]string{row(os, 101, 0), row(image, 5, time.Hour)}, wish(""), "", os, "has changed since; to bake it anew: infrahaus template bake web"},
		"newer OS template":     {[]string{row(os, 100, 0), row("debian-12-standard_12.8-1_amd64.tar.zst", 100, 0), row(image, 5, 0)}, wish(""), "", "debian-12-standard_12.8-1_amd64.tar.zst", "has changed since"},
		"too old":               {[]string{row(os, 100, 0), row(image, 5, 49*time.Hour)}, wish(""), "", os, "it is older than 2 days; to bake it anew"},
		"not this container":    {[]string{row(os, 100, 0), row(image, 5, 0)}, wish("a mount point"), "", os, "not the baked image local:vztmpl/" + image + ": a mount point"},
		"no OS template":        {[]string{row(image, 5, 0)}, wish(""), "", "debian-12-standard_12.12-1_amd64.tar.zst", "so that they cannot be compared"},
		"never an OS by itself": {[]string{row(os, 100, 0), row("infrahaus-debian_debian-12_1111111111111111_amd64.tar.gz", 5, 0)}, nil, "debian", os, ""},
	} {
		f := host(t)
		f.on("GET /nodes/pve1/storage/local/content", ok("["+strings.Join(c.content, ",")+"]"))
		f.on("GET /nodes/pve1/aplinfo", ok(`[{"template":"debian-12-standard_12.12-1_amd64.tar.zst","type":"lxc"}]`))
		s := spec()
		if c.os != "" {
			s.OSTemplate = c.os
		}
		p, err := f.client(t).Resolve(t.Context(), s, pve.Way{Baked: c.wish})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if p.Template.Name != c.volid || (p.Baked != nil) != (c.volid == image) {
			t.Errorf("%s: got %s (%+v), want %s", name, p.Template.Name, p.Baked, c.volid)
		}
		if p.Baked != nil && p.Baked.OS.Name != os {
			t.Errorf("%s: stands for %+v", name, p.Baked.OS)
		}
		if notes := strings.Join(p.Notes, "\n"); !strings.Contains(notes, c.note) || c.note == "" && strings.Contains(notes, "baked") {
			t.Errorf("%s: notes %s", name, notes)
		}
	}
}

func TestUploadArchive(t *testing.T) {
	s := newSandbox(t)
	const text = "an archive"
	hash := sha256.Sum256([]byte(text))
	upload := func(change func(*pve.Upload)) ([]string, error) {
		u := pve.Upload{Node: "pve1", Storage: "local", Name: "infrahaus-web_debian-12_1111111111111111_amd64.tar.gz", Size: int64(len(text)), SHA256: hex.EncodeToString(hash[:]), Body: strings.NewReader(text)}
		if change != nil {
			change(&u)
		}
		var lines []string
		err := s.client.UploadArchive(t.Context(), u, pve.Watch{Line: func(l string) { lines = append(lines, l) }})
		return lines, err
	}
	lines, err := upload(nil)
	if err != nil || !strings.Contains(strings.Join(lines, "\n"), "calculating checksum...OK, checksum verified") {
		t.Fatalf("%v: %s", err, lines)
	}
	a, err := s.client.FindArchive(t.Context(), "pve1", "local:vztmpl/infrahaus-web_debian-12_1111111111111111_amd64.tar.gz")
	if err != nil || a.Size != int64(len(text)) {
		t.Errorf("%+v %v", a, err)
	}
	all, err := s.client.BakedEverywhere(t.Context(), "")
	if err != nil || len(all) != 1 {
		t.Errorf("%+v %v", all, err)
	}
	for want, change := range map[string]func(*pve.Upload){
		"checksum mismatch: got '" + hex.EncodeToString(hash[:]) + "' != expect 'ff'": func(u *pve.Upload) { u.SHA256 = "ff" },
		"wrong file extension":                   func(u *pve.Upload) { u.Name = "x.tar" },
		"can't upload to storage type 'lvmthin'": func(u *pve.Upload) { u.Storage = "local-lvm" },
		"storage 'nowhere' does not exist":       func(u *pve.Upload) { u.Storage = "nowhere" },
		"hostname lookup 'pve9' failed":          func(u *pve.Upload) { u.Node = "pve9" },
		"http: ContentLength=":                   func(u *pve.Upload) { u.Size++ },
	} {
		if _, err := upload(change); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if err := s.client.RemoveArchive(t.Context(), a); err != nil {
		t.Error(err)
	}
	if _, err := s.client.FindArchive(t.Context(), "pve1", a.VolID); !pve.IsKind(err, pve.NotFound) {
		t.Errorf("it is still there: %v", err)
	}
	if name, err := s.client.ArchiveStorage(t.Context(), "pve1", ""); name != "local" || err != nil {
		t.Errorf("chose %s: %v", name, err)
	}
	if _, err := s.client.ArchiveStorage(t.Context(), "pve1", "local-lvm"); !pve.IsKind(err, pve.Refused) {
		t.Errorf("local-lvm: %v", err)
	}
}
