package ocitest

import (
	"archive/tar"
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Path is the PATH in the environment of the images.
const Path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// tools are the programs of an image with a shell.
const tools = "sh bash cat chmod chown cp date dd echo env false grep head id kill ls mkdir mktemp mv nohup ps pwd rm sed sleep sort stat tail tar test touch tr true uname wc"

// Base is the lowest layer of an image of a distribution (an ID of os-release) with the usual
// programs and the user app, 1000:1000.
func Base(id, version string) Layer {
	release := fmt.Sprintf("ID=%s\nVERSION_ID=%q\nPRETTY_NAME=%q\n", id, version, id+" "+version)
	l := Layer{
		{Name: "bin", Kind: tar.TypeSymlink, Link: "usr/bin", Mode: 0o777}, {Name: "etc/"}, {Name: "root/", Mode: 0o700}, {Name: "tmp/", Mode: 0o1777}, {Name: "var/"},
		{Name: "usr/"}, {Name: "usr/bin/"}, {Name: "usr/lib/"},
		{Name: "usr/lib/os-release", Content: release}, {Name: "etc/os-release", Kind: tar.TypeSymlink, Link: "../usr/lib/os-release", Mode: 0o777},
		{Name: "etc/passwd", Content: "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\napp:x:1000:1000::/home/app:/bin/sh\n"},
		{Name: "etc/group", Content: "root:x:0:\ntty:x:5:\nwww-data:x:33:\napp:x:1000:\n"},
		{Name: "etc/shadow", Content: "root:*:20000:0:99999:7:::\n", Mode: 0o640, GID: 42},
	}
	return append(l, programs("usr/bin/", "", tools)...)
}

func programs(dir, arch, names string) (l Layer) {
	for name := range strings.FieldsSeq(names) {
		l = append(l, File{Name: dir + name, Content: Program(arch), Mode: 0o755})
	}
	return l
}

func script(name, text string) File {
	return File{Name: name, Content: "#!/bin/sh\n" + text, Mode: 0o755}
}

// Web is a web server as they come from registries: a script that ends with the server, which
// stops on SIGQUIT.
func Web(version, page string) Image {
	return Image{
		Config: v1.ImageConfig{
			Entrypoint: []string{"/docker-entrypoint.sh"}, Cmd: []string{"nginx", "-g", "daemon off;"},
			Env: []string{Path, "APP_VERSION=" + version}, ExposedPorts: map[string]struct{}{"80/tcp": {}},
			StopSignal: "SIGQUIT", WorkingDir: "/srv",
			Labels: map[string]string{"org.opencontainers.image.version": version, "org.opencontainers.image.title": "web"},
		},
		Layers: []Layer{
			Base("debian", "12"),
			slices.Concat(programs("usr/sbin/", "", "nginx"), Layer{
				{Name: "etc/nginx/conf.d/default.conf", Content: "server {\n    listen 80;\n    root /usr/share/nginx/html;\n}\n"},
				{Name: "usr/share/nginx/html/index.html", Content: page}, {Name: "srv/"}, {Name: "run/"},
			}),
			{script("docker-entrypoint.sh", "echo \"web $APP_VERSION: configuration complete\"\nexec \"$@\"\n")},
		},
	}
}

// app is an image of Debian whose entrypoint is one script.
func app(text string) Image {
	return Image{
		Config: v1.ImageConfig{Entrypoint: []string{"/run.sh"}, Env: []string{Path}},
		Layers: []Layer{Base("debian", "12"), {script("run.sh", text)}},
	}
}

// Httpd is busybox's web server alone, of a distribution that Proxmox does not know.
func Httpd() Image {
	return Image{
		Config: v1.ImageConfig{
			Entrypoint: []string{"/bin/httpd", "-f", "-p", "8080"}, Cmd: []string{"-h", "/www"}, WorkingDir: "/www",
			Env: []string{"PATH=/bin:/usr/bin", "GREETING=hello world"}, ExposedPorts: map[string]struct{}{"8080/tcp": {}},
		},
		Layers: []Layer{Base("busybox", "1.36"), append(programs("usr/bin/", "", "httpd"), File{Name: "www/index.html", Content: "hello from busybox\n"})},
	}
}

// Bare is a program and nothing else: no shell, no users, no distribution.
func Bare() Image {
	return Image{
		Config: v1.ImageConfig{Entrypoint: []string{"/httpd", "-f", "-p", "8080", "-h", "/"}, ExposedPorts: map[string]struct{}{"8080/tcp": {}}},
		Layers: []Layer{append(programs("", "", "httpd"), File{Name: "index.html", Content: "bare\n"})},
	}
}

// Micro has a shell and of the usual programs only those of coreutils: no tar and no find.
func Micro() Image { return few("cat chmod dd head ls mkdir mv nohup rm sleep") }

// Tiny has a shell and next to nothing.
func Tiny() Image { return few("sleep ls cat") }

func few(tools string) Image {
	i := app("while :; do sleep 1; done\n")
	var l Layer
	for _, f := range i.Layers[0] {
		if !strings.HasPrefix(f.Content, "\x7fELF") {
			l = append(l, f)
		}
	}
	i.Layers[0] = append(l, programs("usr/bin/", "", "sh "+tools)...)
	return i
}

// Wants needs a right that no unprivileged container has.
func Wants() Image {
	return app("mount -t tmpfs none /srv || { echo 'cannot mount: Operation not permitted' >&2; exit 32; }\n")
}

// Lines has a variable with several lines in its environment.
func Lines() Image {
	i := app("while :; do sleep 1; done\n")
	i.Config.Env = append(i.Config.Env, "BANNER=one\ntwo")
	return i
}

// User runs as the user app and has a volume.
func User() Image {
	i := app("id -un\nwhile :; do sleep 1; done\n")
	i.Config.User, i.Config.Volumes = "app", map[string]struct{}{"/data": {}}
	return i
}

// ManyLayers has n layers, each with a file of its own and one that all of them replace.
func ManyLayers(n int) Image {
	i := app("cat /count\nwhile :; do sleep 1; done\n")
	for k := len(i.Layers); k < n; k++ {
		i.Layers = append(i.Layers, Layer{{Name: "count", Content: fmt.Sprintln(k)}, {Name: fmt.Sprintf("layers/%02d", k)}})
	}
	return i
}

// Whiteouts has layers that delete each other's files.
func Whiteouts() Image {
	i := app("ls /data\nwhile :; do sleep 1; done\n")
	i.Layers = append(i.Layers,
		Layer{{Name: "data/"}, {Name: "data/gone"}, {Name: "data/old", Content: "1"}, {Name: "data/deep/a/b"}, {Name: "other/kept"}},
		Layer{{Name: "data/.wh.gone"}, {Name: "data/.wh.old"}, {Name: "data/new", Content: "2"}, {Name: "data/.wh.new"}, {Name: "data/deep/.wh..wh..opq"}, {Name: "data/deep/c"}},
		Layer{{Name: "data/old", Content: "3"}, {Name: "other/.wh.missing"}},
	)
	return i
}

// Hostile tries to leave its folder: by names with dots, absolute names, links and devices.
func Hostile() Image {
	i := app("while :; do sleep 1; done\n")
	i.Layers = append(i.Layers,
		Layer{
			{Name: "../escape", Content: "x"}, {Name: "a/../../escape2", Content: "x"}, {Name: "/absolute", Content: "x"},
			{Name: "out", Kind: tar.TypeSymlink, Link: "/../../../../tmp", Mode: 0o777}, {Name: "etc2", Kind: tar.TypeSymlink, Link: "/etc", Mode: 0o777},
			{Name: "sda", Kind: tar.TypeBlock}, {Name: "null", Kind: tar.TypeChar}, {Name: "pipe", Kind: tar.TypeFifo}, {Name: ".wh..."},
		},
		Layer{{Name: "out/through", Content: "x"}, {Name: "etc2/through", Content: "x"}, {Name: "hard", Kind: tar.TypeLink, Link: "etc/passwd"}},
	)
	return i
}

// Broken has a layer that is no tar archive.
func Broken() Image {
	i := app("exit 0\n")
	i.Raw = [][]byte{[]byte(strings.Repeat("no tar archive ", 100))}
	return i
}

// ForArch is an image for one architecture, whose programs no amd64 processor can run.
func ForArch(arch string) Image {
	l := Base("debian", "12")
	for k := range l {
		if strings.HasPrefix(l[k].Content, "\x7fELF") {
			l[k].Content = Program(arch)
		}
	}
	return Image{Arch: arch, Config: v1.ImageConfig{Cmd: []string{"/bin/sleep", "infinity"}, Env: []string{Path}}, Layers: []Layer{l}}
}

// Shell is like debian:12 of a registry: a shell and no init.
func Shell() Image {
	return Image{Config: v1.ImageConfig{Cmd: []string{"bash"}, Env: []string{Path}}, Layers: []Layer{Base("debian", "12")}}
}

// Images are the images that a registry serves, by repository and tag.
func Images() map[string]Image {
	exits := app("echo \"cannot find its configuration\" >&2\nexit 3\n")
	stubborn := app("trap '' TERM INT QUIT\necho ready\nwhile :; do sleep 1; done\n")
	multi := Web("2.0", "two architectures\n")
	multi.Docker = true
	broken, mute := Web("1.2", ""), Web("1.3", "") // next versions of web that do not work
	last := len(broken.Layers) - 1
	broken.Layers[last] = Layer{script("docker-entrypoint.sh", "echo broken >&2\nexit 3\n")}
	mute.Layers[last] = Layer{script("docker-entrypoint.sh", "trap 'exit 0' QUIT\necho new >/data/new\nwhile :; do sleep 1; done\n")}
	all := map[string]Image{
		"app/web:broken": broken, "app/web:mute": mute,
		"app/web:1.0": Web("1.0", "web 1.0\n"), "app/web:1.1": Web("1.1", "web 1.1\n"), "app/web:latest": Web("1.1", "web 1.1\n"),
		"app/docker:2.0": multi, "app/user:1.0": User(), "app/exits:1.0": exits, "app/stubborn:1.0": stubborn,
		"app/httpd:1.0": Httpd(), "app/bare:1.0": Bare(), "app/micro:1.0": Micro(), "app/tiny:1.0": Tiny(), "app/wants:1.0": Wants(), "app/lines:1.0": Lines(), "app/arm:1.0": ForArch("arm64"),
		"app/layers:1.0": ManyLayers(40), "app/whiteouts:1.0": Whiteouts(), "app/hostile:1.0": Hostile(), "app/broken:1.0": Broken(),
		"library/debian:12": Shell(), "library/system:12": System(),
	}
	return all
}

// Names are the references of Images, without the registry.
func Names() []string { return slices.Sorted(maps.Keys(Images())) }

// Busybox is an image with a real busybox, for real guests: the binary is a static one. Its
// programs are hard links, as in the image that registries have.
func Busybox(binary []byte, id string, config v1.ImageConfig, more ...File) Image {
	l := Layer{
		{Name: "bin/"}, {Name: "bin/busybox", Content: string(binary), Mode: 0o755}, {Name: "etc/"}, {Name: "tmp/", Mode: 0o1777}, {Name: "root/", Mode: 0o700},
		{Name: "etc/passwd", Content: "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n"},
		{Name: "etc/group", Content: "root:x:0:\napp:x:1000:\nextra:x:1001:app\n"},
		{Name: "etc/os-release", Content: "ID=" + id + "\n"},
	}
	for name := range strings.FieldsSeq("sh cat env sort id ps ls httpd sleep echo head hostname ip wget") {
		l = append(l, File{Name: "bin/" + name, Kind: tar.TypeLink, Link: "bin/busybox", Mode: 0o755})
	}
	return Image{Config: config, Layers: []Layer{l, more}}
}
