package lxc

import "testing"

func TestImage(t *testing.T) {
	var none *Image
	if none.Application() || none.Version() != "" || none.Same(none) || none.HasEnv("PATH") {
		t.Error("no image is something")
	}
	app := &Image{Kind: ApplicationImage, Digest: "sha256:a", EnvNames: []string{"PATH"}, Labels: map[string]string{"version": "2", "org.opencontainers.image.version": "1.29"}}
	if !app.Application() || app.Version() != "1.29" || !app.HasEnv("PATH") || app.HasEnv("HOME") {
		t.Errorf("%+v", app)
	}
	if (&Image{Kind: SystemImage}).Application() || (&Image{}).Application() {
		t.Error("no application is one")
	}
	for _, c := range []struct {
		a, b Image
		same bool
	}{
		{Image{Digest: "sha256:a"}, Image{Digest: "sha256:a"}, true},
		{Image{Digest: "sha256:a"}, Image{Digest: "sha256:b"}, false},
		{Image{}, Image{}, false}, // nothing is known
		{Image{Digest: "sha256:a", ID: "sha256:i"}, Image{ID: "sha256:i"}, true},
		{Image{Digest: "sha256:a"}, Image{ID: "sha256:a"}, false},
	} {
		if c.a.Same(&c.b) != c.same {
			t.Errorf("%+v and %+v", c.a, c.b)
		}
	}
}
