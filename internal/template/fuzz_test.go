package template

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"
)

// FuzzFolder checks that any folder is a template or gets problems. Shipped files come
// only from inside the folder; their targets are distinct and outside of /proc and the
// like.
func FuzzFolder(f *testing.F) {
	for _, seed := range [][3]string{
		{"files/etc/x.conf", "${http_port} $${x}", least + "variables: {http_port: {default: 1}}\nfiles: [{source: etc/x.conf, target: /etc/x.conf, template: true}]\n"},
		{"scripts/10-a.sh", "#!/bin/sh\n$(reboot)", least}, {"scripts/$(reboot).sh", "", least + "scripts: ['$(reboot).sh']\n"},
		{"packages/x.apt", "nginx\n; reboot\n-o x\n$(id)\n", least}, {"packages/x.custom", "#!/bin/sh\nreboot\n", least},
		{"files/../../x", "", least + "files: [{source: ../../x, target: /etc/../../x}]\n"}, {"files/a\nb", "", least}, {"files/\x1b[2J", "", least},
		{"container-configs/files/a", "x", "TEMPLATE_OS=debian\n"}, {"container-configs/files/a.path", "/proc/../etc\n", ""}, {"container-configs/scripts/1.sh", "", "A=$(reboot)\n"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, name, content, doc string) {
		if !fs.ValidPath(name) || name == "." {
			return
		}
		for _, file := range []string{yamlFile, confFile} {
			m := fstest.MapFS{name: {Data: []byte(content), Mode: 0o755}, file: {Data: []byte(doc)}}
			tm, err := Load(m, "web")
			var e *Error
			if err != nil {
				if !errors.As(err, &e) || len(e.Problems) == 0 || len(e.Problems) > maxProblems+20 {
					t.Fatalf("%v", err)
				}
				continue
			}
			targets := map[string]bool{}
			for _, file := range tm.Files {
				if file.Source != "" && !fs.ValidPath(file.Source) || path.Clean(file.Target) != file.Target || !path.IsAbs(file.Target) || strings.ContainsAny(file.Target, "\n\x00") || targets[file.Target] {
					t.Fatalf("%q goes to %q", file.Source, file.Target)
				}
				targets[file.Target] = true
			}
			for _, s := range tm.Scripts {
				if s.Name == "" || strings.ContainsAny(s.Name, "/\n\x00") || strings.HasPrefix(s.Name, ".") {
					t.Fatalf("script %q", s.Name)
				}
			}
			for _, names := range tm.Packages.Names {
				for _, n := range names {
					if n == "" || n[0] == '-' || strings.ContainsAny(n, " \n;$`&|<>'\"\x00") {
						t.Fatalf("package %q", n)
					}
				}
			}
		}
	})
}
