package pve_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/oci"
	"github.com/infrahaus/infrahaus/internal/oci/ocitest"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// newHost is host with a version that can make containers from images. others are archives on
// its storage local.
func newHost(t *testing.T, others ...string) *fake {
	f := host(t)
	f.on("GET /version", ok(`{"release":"9.2","version":"9.2.11","repoid":"14a22df35955d97d"}`))
	f.on("GET /nodes/pve1/status", ok(`{"current-kernel":{"machine":"x86_64"}}`))
	f.on("GET /access/permissions", ok(strings.Replace(everything, `"SDN.Use"`, `"Sys.AccessNetwork":1,"SDN.Use"`, 1)))
	var list []string
	for _, name := range others {
		list = append(list, fmt.Sprintf(`{"volid":"local:vztmpl/%s","content":"vztmpl"}`, name))
	}
	f.on("GET /nodes/pve1/storage/local/content", ok("["+strings.Join(list, ",")+"]"))
	return f
}

const application = `{"Cmd":["/bin/httpd"],"Env":["PATH=/bin"]}`

// library is a registry with a tag that has moved, and the digests of the old and the new
// image.
func library(t *testing.T) (host, old, new string) {
	d := ocitest.Documents{}
	old, _ = d.Image("app/web", "1.0", "amd64", `{"Cmd":["/bin/httpd","-old"]}`)
	new, _ = d.Image("app/web", "1.0", "amd64", application)
	d.Image("app/sys", "1", "amd64", `{"Cmd":["/sbin/init"]}`)
	d.Image("app/arm", "1", "arm64", application)
	d.Add("app/html/manifests/1", "<html>")
	return d.Serve(t, nil), old, new
}

func short(digest string) string {
	return strings.Replace(digest, ":", "-", 1)[:len("sha256-")+16]
}

func TestResolveImage(t *testing.T) {
	registry, old, now := library(t)
	named := func(digest string) string { return "web_1.0_" + short(digest) + ".tar" }
	const noPull = `"Sys.AccessNetwork":1,`
	for _, tt := range []struct {
		name     string
		image    string // below the registry
		spec     func(*lxc.Spec)
		archives []string
		without  string // a privilege
		version  string
		unasked  bool   // the registry is not asked
		want     string // archive, then "pull IMAGE" or "there", and the kind; or "error STATUS"
		says     string // in notes, warnings, the error or its hints
	}{
		{name: "pulled apart", image: "app/web:1.0", want: named(now) + " pull /app/web:1.0 application", says: "is " + now},
		{name: "pulled before", image: "app/web:1.0", archives: []string{named(now)}, want: named(now) + " there application"},
		{name: "Proxmox's own name says nothing", image: "app/web:1.0", archives: []string{"web_1.0.tar"}, want: named(now) + " pull /app/web:1.0 application"},
		{name: "another digest is not taken", image: "app/web:1.0", archives: []string{named(old)}, want: named(now) + " pull /app/web:1.0 application", says: "the tag 1.0 has moved since local:vztmpl/" + named(old)},
		{name: "pinned, and there", image: "app/web:1.0@" + old, archives: []string{named(old)}, want: named(old) + " there application", says: "stands for another image now"},
		{name: "pinned to what the tag is", image: "app/web:1.0@" + now, want: named(now) + " pull /app/web:1.0 application"},
		{name: "pinned, and moved", image: "app/web:1.0@" + old, archives: []string{"web_1.0.tar"}, want: "error 2", says: "stands for another image now (" + now + ")"},
		{name: "a digest alone", image: "app/web@" + now, want: "error 2", says: "only a digest is named"},
		{name: "a digest alone, by the node", image: "app/web@" + now, want: "error 2", says: `skopeo copy docker://` + registry + `/app/web@` + now + ` "oci-archive:$(pvesm path local:vztmpl/web_` + short(now) + `.tar)"`},
		{name: "a digest alone, and there", image: "app/web@" + now, archives: []string{"web_" + short(now) + ".tar"}, want: "web_" + short(now) + ".tar there application"},
		{name: "may not pull", image: "app/web:1.0", without: noPull, want: "error 3", says: "Sys.AccessNetwork on /nodes/pve1"},
		{name: "may not pull, and something is there", image: "app/web:1.0", without: noPull, archives: []string{"web_1.0.tar"}, want: "web_1.0.tar there ", says: "may not pull"},
		{name: "may not pull what is pinned", image: "app/web:1.0@" + now, without: noPull, archives: []string{"web_1.0.tar"}, want: "error 3", says: "Sys.AccessNetwork"},
		{name: "unasked", image: "app/web:1.0", unasked: true, want: "web_1.0.tar pull /app/web:1.0 ", says: "is not known before the pull"},
		{name: "unasked, and there", image: "app/web:1.0", unasked: true, archives: []string{"web_1.0.tar"}, want: "web_1.0.tar there ", says: "whether the tag 1.0 has moved"},
		{name: "unasked and pinned", image: "app/web:1.0@" + now, unasked: true, archives: []string{"web_1.0.tar"}, want: "error 2", says: "could not be found out"},
		{name: "unasked, pinned and there", image: "app/web:1.0@" + now, unasked: true, archives: []string{named(now)}, want: named(now) + " there "},
		{name: "a system", image: "app/sys:1", spec: func(s *lxc.Spec) { s.Network.IPv6, s.Console = "auto", "shell" }, want: "sys_1_sha256-", says: ""},
		{name: "SLAAC", image: "app/web:1.0", spec: func(s *lxc.Spec) { s.Network.IPv6 = "auto" }, want: "error 2", says: "IPv6 autoconfiguration"},
		{name: "SLAAC of what may be an application", image: "app/web:1.0", unasked: true, spec: func(s *lxc.Spec) { s.Network.IPv6 = "auto" }, want: "error 2", says: "may be an application's"},
		{name: "a shell on the console", image: "app/web:1.0", spec: func(s *lxc.Spec) { s.Console = "shell" }, want: "error 2", says: "leave --console out"},
		{name: "no such tag", image: "app/web:9", want: "error 2", says: "of its tags, the last are: 0.9, 1.0"},
		{name: "a tag that went", image: "app/web:9", archives: []string{"web_9.tar"}, want: "web_9.tar there ", says: "does not have the tag any more"},
		{name: "another architecture", image: "app/arm:1", want: "error 2", says: "it is for arm64, and the node is amd64"},
		{name: "no image", image: "app/html:1", want: "error 2", says: "not JSON"},
		{name: "VE 8", image: "app/web:1.0", version: `{"release":"8.4","version":"8.4.21"}`, want: "error 3", says: "need Proxmox VE 9.1 or later, and the host has 8.4.21"},
		{name: "VE 8 and an alternative", image: "app/web:1.0", version: `{"release":"8.4","version":"8.4.21"}`, spec: func(s *lxc.Spec) { s.OSElse = []string{"debian-12"} },
			want: "debian-12-standard_12.12-1_amd64.tar.zst pull  ", says: "not oci:"},
		{name: "VE 8 and no alternative", image: "app/web:1.0", version: `{"release":"8.4","version":"8.4.21"}`, spec: func(s *lxc.Spec) { s.OSElse = []string{"plan9"} }, want: "error 2", says: "need Proxmox VE 9.1"},
		{name: "unmanaged", image: "app/web:1.0", spec: func(s *lxc.Spec) { s.OSType = lxc.Unmanaged }, want: named(now), says: "neither root's password nor SSH keys"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newHost(t, tt.archives...)
			f.on("GET /nodes/pve1/query-oci-repo-tags", ok(`["0.9","1.0"]`))
			if tt.version != "" {
				f.on("GET /version", ok(tt.version))
			}
			if tt.without != "" {
				f.on("GET /access/permissions", ok(everything))
			}
			s := spec()
			s.OSTemplate = oci.Prefix + registry + "/" + tt.image
			if tt.spec != nil {
				tt.spec(&s)
			}
			way := pve.Way{Registry: oci.NewRegistry().Look}
			if tt.unasked {
				way.Registry = nil
			}
			p, err := f.client(t).Resolve(t.Context(), s, way)
			got, said := "", ""
			var e *pve.Error
			switch {
			case errors.As(err, &e):
				got, said = fmt.Sprint("error ", e.ExitStatus()), e.Error()+"\n"+strings.Join(e.NextSteps(), "\n")
			case err != nil:
				t.Fatal(err)
			default:
				got = p.Template.Name + " there "
				if p.Template.Download {
					got = p.Template.Name + " pull " + strings.TrimPrefix(p.Template.Image, registry) + " "
				}
				if p.Image != nil {
					got += string(p.Image.Kind)
					if p.Image.Archive != p.Template.VolID {
						t.Errorf("the image's archive is %q", p.Image.Archive)
					}
				}
				said = strings.Join(slices.Concat(p.Notes, p.Warnings), "\n")
			}
			if !strings.HasPrefix(got, tt.want) || !strings.Contains(said, tt.says) {
				t.Errorf("%s\n%s", got, said)
			}
		})
	}
}

const pullUPID = "UPID:pve1:00009AB4:0006B373:6B0CBD24:ociregistrypull:web_1.0_%s.tar:root@pam!cli:"

// TestPull has the answers of genuine Proxmox.
func TestPull(t *testing.T) {
	registry, _, now := library(t)
	ref, _ := oci.Parse(registry + "/app/web:1.0")
	found, err := oci.NewRegistry().Look(t.Context(), ref, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	task := fmt.Sprintf(pullUPID, short(now))
	name := "web_1.0_" + short(now) + ".tar"
	const pull = "POST /nodes/pve1/storage/local/oci-registry-pull"
	line := func(lines ...string) answer {
		var out []string
		for i, l := range lines {
			out = append(out, fmt.Sprintf(`{"n":%d,"t":%q}`, i+1, l))
		}
		return answer{200, "OK", fmt.Sprintf(`{"data":[%s],"total":%d}`, strings.Join(out, ","), len(lines))}
	}
	const failed = "command 'skopeo copy docker://x oci-archive:/var/lib/vz/template/cache/x.tar.tmp.1' failed: exit code 2"
	for _, tt := range []struct {
		name string
		set  func(*fake)
		log  []string
		exit string
		want string // of the error; "": none
		asks int    // pulls
	}{
		{name: "well", log: []string{"Getting image source signatures", "Copying blob " + found.Layers[0], "Copying config " + found.ID, "TASK OK"}, asks: 1},
		{name: "another run was first", set: func(f *fake) {
			f.on(pull, fail(500, "refusing to override existing file '"+name+"'"))
			f.on("GET /nodes/pve1/storage/local/content", ok(`[{"volid":"local:vztmpl/`+name+`","content":"vztmpl"}]`))
		}, asks: 1},
		{name: "another run is at it", set: func(f *fake) {
			f.on("GET /nodes/pve1/tasks", ok(`[{"upid":"`+task+`","type":"ociregistrypull","id":"`+name+`"}]`))
		}, log: []string{"Copying config " + found.ID, "TASK OK"}},
		{name: "another image came", log: []string{"Copying config " + now, "TASK OK"}, want: "the node has pulled another image (" + now, asks: 1},
		{name: "no such tag", log: []string{`time="2026" level=fatal msg="reading manifest 1.0 in localhost:5000/app/none: manifest unknown"`}, exit: failed, want: "no such image or tag|skopeo list-tags docker://" + registry + "/app/web", asks: 1},
		{name: "a login", log: []string{`level=fatal msg="reading manifest 1 in x/y: unauthorized: authentication required"`}, exit: failed, want: "wants a login|on the node, as root: skopeo login " + registry, asks: 1},
		{name: "no way", log: []string{`level=fatal msg="pinging container registry x: Get \"https://x/v2/\": dial tcp: lookup x: no such host"`}, exit: failed, want: "the node cannot reach the registry|getent hosts 127.0.0.1", asks: 1},
		{name: "not trusted", log: []string{`level=fatal msg="pinging container registry x: Get \"https://x/v2/\": x509: certificate signed by unknown authority"`}, exit: failed, want: "does not trust the registry", asks: 1},
		{name: "another architecture", log: []string{`level=fatal msg="choosing image instance: no image found in image index for architecture \"amd64\", variant \"\", OS \"linux\""`}, exit: failed, want: "other architectures only", asks: 1},
		{name: "full", log: []string{`level=fatal msg="writing blob: write /var/lib/vz/x: no space left on device"`}, exit: failed, want: "the storage is full", asks: 1},
		{name: "unknown", log: []string{"what is this"}, exit: failed, want: "exit code 2", asks: 1},
		{name: "no skopeo", set: func(f *fake) { f.on(pull, fail(500, "Install 'skopeo' to pull OCI images from registries.")) }, want: "Install 'skopeo'|apt install skopeo", asks: 1},
		{name: "refused", set: func(f *fake) { f.on(pull, fail(403, "Permission check failed (/nodes/pve1, Sys.AccessNetwork)")) }, want: "Sys.AccessNetwork", asks: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newHost(t)
			f.on("GET /nodes/pve1/tasks", ok("[]"))
			f.on(pull, ok(`"`+task+`"`))
			exit := tt.exit
			if exit == "" {
				exit = "OK"
			}
			f.on("GET /nodes/pve1/tasks/"+task+"/status", ok(fmt.Sprintf(`{"status":"stopped","exitstatus":%q}`, exit)))
			f.on("GET /nodes/pve1/tasks/"+task+"/log", line(tt.log...))
			f.on("DELETE /nodes/pve1/storage/local/content/local:vztmpl/"+name, ok("null"))
			if tt.set != nil {
				tt.set(f)
			}
			p := &pve.Placement{Node: "pve1", Image: found.Image(ref), Found: &found,
				Template: pve.Template{VolID: "local:vztmpl/" + name, Name: name, Storage: "local", Download: true, Image: ref.Tagged()}}
			err := f.client(t).Download(t.Context(), p, pve.Watch{})
			said := ""
			var e *pve.Error
			if errors.As(err, &e) {
				said = e.Error() + "|" + strings.Join(e.NextSteps(), "|")
			}
			for want := range strings.SplitSeq(tt.want, "|") {
				if !strings.Contains(said, want) || tt.want == "" && err != nil {
					t.Errorf("%v, %s", err, said)
				}
			}
			if n := f.count("POST", "/nodes/pve1/storage/local/oci-registry-pull"); n != tt.asks {
				t.Errorf("asked %d times", n)
			}
			for _, c := range f.calls {
				if c.method == "POST" && (c.body["filename"] != strings.TrimSuffix(name, ".tar") || c.body["reference"] != ref.Tagged()) {
					t.Errorf("%v", c.body)
				}
			}
			if tt.want == "" && p.Template.Download {
				t.Error("it would be pulled again")
			}
			if gone := f.count("DELETE", "/nodes/pve1/storage/local/content/local:vztmpl/"+name); gone != flagOf(tt.name == "another image came") {
				t.Errorf("%d archives removed", gone)
			}
		})
	}
}

func flagOf(b bool) int {
	if b {
		return 1
	}
	return 0
}
