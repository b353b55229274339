package cli

import "testing"

func TestParseSides(t *testing.T) {
	for _, c := range []struct {
		src, dst string
		from, to side
		bad      bool
	}{
		{"f", "web:/x", side{path: "f"}, side{container: "web", path: "/x"}, false},
		{"web:x", ".", side{container: "web", path: "x"}, side{path: "."}, false},
		{"101:", "f", side{container: "101", path: "."}, side{path: "f"}, false},
		{"./a:b", "web:/", side{path: "./a:b"}, side{container: "web", path: "/"}, false},
		{"/a:b", "web:/", side{path: "/a:b"}, side{container: "web", path: "/"}, false},
		{"d/a:b", "web:/", side{path: "d/a:b"}, side{container: "web", path: "/"}, false},
		{"web:a:b", "f", side{container: "web", path: "a:b"}, side{path: "f"}, false},
		{"-", "web:/d", side{stream: true}, side{container: "web", path: "/d"}, false},
		{"web:/d", "-", side{container: "web", path: "/d"}, side{stream: true}, false},
		{"a", "b", side{}, side{}, true},
		{"-", "-", side{}, side{}, true},
		{"web:a", "db:b", side{}, side{}, true},
		{":a", "b", side{}, side{}, true},
	} {
		from, to, err := parseSides(c.src, c.dst)
		if (err != nil) != c.bad || err == nil && (from != c.from || to != c.to) {
			t.Errorf("%s %s: %+v %+v %v", c.src, c.dst, from, to, err)
		}
	}
}
