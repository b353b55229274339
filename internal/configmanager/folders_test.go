package configmanager

import "testing"

func TestFolderDrift(t *testing.T) {
	for _, c := range []struct {
		folder Folder
		line   string
		want   FolderDrift
	}{
		{Folder{Mode: 0o750, Owner: "app:web"}, "D 750 10 20 app web /d", FolderDrift{State: FolderSame}},
		{Folder{}, "D 700 10 20 app web /d", FolderDrift{State: FolderSame}},
		{Folder{Owner: "10:20"}, "D 755 10 20 app web /d", FolderDrift{State: FolderSame}},
		{Folder{Owner: "app"}, "D 755 10 99 app other /d", FolderDrift{State: FolderSame}},
		{Folder{Mode: 0o750}, "D 755 0 0 root root /d", FolderDrift{State: FolderOther, Actual: "0755 root:root"}},
		{Folder{Owner: "app:web"}, "D 755 10 0 app root /d", FolderDrift{State: FolderOther, Actual: "0755 app:root"}},
		{Folder{Owner: "app"}, "D 755 0 0 root ro\x1bot /d", FolderDrift{State: FolderOther, Actual: "0755 root:root"}},
		{Folder{}, "M /d", FolderDrift{State: FolderMissing}},
		{Folder{}, "S /d", FolderDrift{State: FolderTaken}},
		{Folder{}, "L /d", FolderDrift{State: FolderTaken}},
		{Folder{}, "0123456789012345678901234567890123456789012345678901234567890123  /d", FolderDrift{State: FolderTaken}},
		{Folder{}, "D x 0 0 root root /d", FolderDrift{State: FolderTaken}},
	} {
		c.folder.Target, c.want.Target = "/d", "/d"
		d, err := ParseDrift(Input{Folders: []Folder{c.folder}}, []byte("== files\n"+c.line+"\n== end\n"))
		if err != nil || len(d.Folders) != 1 || d.Folders[0] != c.want {
			t.Errorf("%+v with %q: %+v, %v", c.folder, c.line, d.Folders, err)
		}
	}
}
