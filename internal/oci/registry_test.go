package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/oci/ocitest"
)

const nginxConfig = `{"Entrypoint":["/docker-entrypoint.sh"],"Cmd":["nginx","-g","daemon off;"],"Env":["PATH=/bin","NGINX_VERSION=1.29"],
"ExposedPorts":{"80/tcp":{},"53/udp":{},"443":{},"x":{}},"Volumes":{"/data":{}},"User":"app","StopSignal":"SIGQUIT","Labels":{"version":"1.29"}}`

func TestLook(t *testing.T) {
	d := ocitest.Documents{}
	amd, id := d.Image("app/web", "amd", "amd64", nginxConfig)
	arm, _ := d.Image("app/web", "arm", "arm64", `{}`)
	index := d.Add("app/web/manifests/1.29", fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[
		{"digest":%q,"platform":{"architecture":"unknown","os":"unknown"}},
		{"digest":%q,"platform":{"architecture":"arm64","os":"linux"}},
		{"digest":%q,"platform":{"architecture":"amd64","os":"linux"}}]}`, typeIndex, arm, arm, amd))
	host := d.Serve(t, nil)
	r := NewRegistry()
	ref := mustParse(t, host+"/app/web:1.29")
	found, err := r.Look(t.Context(), ref, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	if found.Digest != index || found.Manifest != amd || found.ID != id || found.Size != 1000 || found.Arch != "amd64" {
		t.Errorf("%+v", found)
	}
	got, _ := json.Marshal(found.Image(ref))
	want := fmt.Sprintf(`{"reference":"%s/app/web:1.29","digest":%q,"id":%q,"kind":"application","entrypoint":"/docker-entrypoint.sh nginx -g 'daemon off;'",`+
		`"envNames":["PATH","NGINX_VERSION"],"user":"app","ports":[{"protocol":"tcp","address":"","port":443},{"protocol":"udp","address":"","port":53},{"protocol":"tcp","address":"","port":80}],`+
		`"volumes":["/data"],"labels":{"version":"1.29"},"stopSignal":"SIGQUIT"}`, host, index, id)
	if string(got) != want {
		t.Errorf("\n%s\n%s", got, want)
	}
	pinned, err := r.Look(t.Context(), ref.Pinned(amd), "amd64")
	if err != nil || pinned.Digest != amd || pinned.Manifest != amd {
		t.Errorf("%+v, %v", pinned, err)
	}
	if digest, err := r.Digest(t.Context(), ref); err != nil || digest != index {
		t.Errorf("%s, %v", digest, err)
	}
	for _, c := range []struct {
		log  []string
		ours bool
	}{
		{[]string{"Copying config " + id}, true},
		{[]string{"Copying config " + arm}, false},
		{[]string{"Copying blob " + found.Layers[0], "Copying config " + id}, true},
		{[]string{"Copying blob " + arm}, false},
		{nil, true},
	} {
		if found.Pulled(c.log) != c.ours {
			t.Errorf("%q", c.log)
		}
	}
	if IDOf([]string{"Getting image source signatures", "Copying config " + id}) != id {
		t.Error("no ID in the log")
	}
}

func TestLookSystem(t *testing.T) {
	d := ocitest.Documents{}
	d.Image("debian", "sysd", "amd64", `{"Cmd":["/sbin/init"]}`)
	d.Image("debian", "none", "amd64", `{}`)
	host := d.Serve(t, nil)
	for _, tag := range []string{"sysd", "none"} {
		ref := mustParse(t, host+"/debian:"+tag)
		found, err := NewRegistry().Look(t.Context(), ref, "amd64")
		if i := found.Image(ref); err != nil || i.Kind != lxc.SystemImage || i.Entrypoint != "" {
			t.Errorf("%s: %+v, %v", tag, i, err)
		}
	}
}

func TestLookFails(t *testing.T) {
	d := ocitest.Documents{}
	arm, _ := d.Image("app", "arm", "arm64", `{}`)
	d.Add("app/manifests/index", fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"digest":%q,"platform":{"architecture":"arm64","os":"linux"}}]}`, arm))
	d.Add("app/manifests/windows", fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"digest":%q,"platform":{"architecture":"amd64","os":"windows"}}]}`, arm))
	d.Add("app/manifests/html", "<html>")
	d.Add("app/manifests/old", `{"schemaVersion":1}`)
	d.Add("app/manifests/chart", `{"schemaVersion":2,"config":{"digest":"sha256:x"},"layers":[]}`)
	d.Add("app/manifests/lost", fmt.Sprintf(`{"schemaVersion":2,"config":{"digest":"sha256:%s"},"layers":[{"digest":"sha256:%s"}]}`, hex64, hex64))
	d["app/blobs/sha256:"+hex64] = "other content"
	d["app/manifests/sha256:"+hex64] = "other content"
	host := d.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.Contains(r.URL.Path, "/private/"):
			w.Header().Set("WWW-Authenticate", `Basic realm="private"`)
			http.Error(w, "", http.StatusUnauthorized)
		case strings.Contains(r.URL.Path, "/broken/"):
			http.Error(w, "", http.StatusBadGateway)
		case strings.Contains(r.URL.Path, "/endless/"):
			for range 5000 {
				fmt.Fprint(w, strings.Repeat(" ", 1024))
			}
		default:
			return false
		}
		return true
	})
	for _, c := range []struct {
		name string
		kind Kind
		says string
	}{
		{"app:none", Missing, "no such image"},
		{"none:1", Missing, "no such image"},
		{"a/private/b:1", Denied, "wants a login"},
		{"a/broken/b:1", Unreachable, "502"},
		{"a/endless/b:1", Unreachable, "too long"},
		{"app:arm", Foreign, "it is for arm64, and the node is amd64"},
		{"app:index", Foreign, "none for amd64, only for arm64"},
		{"app:windows", Foreign, "other systems"},
		{"app:html", NoImage, "not JSON"},
		{"app:old", NoImage, "version 1"},
		{"app:chart", NoImage, "no image of a container"},
		{"app:lost", NoImage, "another digest"},
		{"app@sha256:" + hex64, NoImage, "another digest"},
	} {
		_, err := NewRegistry().Look(t.Context(), mustParse(t, host+"/"+c.name), "amd64")
		if !IsKind(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := NewRegistry().Look(t.Context(), mustParse(t, "127.0.0.1:1/app"), "amd64"); !IsKind(err, Unreachable) || !strings.Contains(err.Error(), "refused") {
		t.Error(err)
	}
	stopped, cancel := context.WithCancelCause(t.Context())
	mine := errors.New("the user wants no more")
	cancel(mine)
	if _, err := NewRegistry().Look(stopped, mustParse(t, host+"/app:arm"), "amd64"); !errors.Is(err, mine) {
		t.Error(err)
	}
}

// TestLookLogsIn has a registry that wants a token which anybody gets, as docker.io does.
func TestLookLogsIn(t *testing.T) {
	d := ocitest.Documents{}
	d.Image("app", "1", "amd64", `{}`)
	var host string
	host = d.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			if r.URL.Query().Get("scope") != "repository:app:pull" || r.URL.Query().Get("service") != "a,b" {
				t.Error(r.URL)
			}
			fmt.Fprint(w, `{"access_token":"anybody"}`)
			return true
		}
		if r.Header.Get("Authorization") == "Bearer anybody" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+host+`/token",service="a,b",scope="repository:app:pull"`)
		http.Error(w, "", http.StatusUnauthorized)
		return true
	})
	if _, err := NewRegistry().Look(t.Context(), mustParse(t, host+"/app:1"), "amd64"); err != nil {
		t.Error(err)
	}
}
