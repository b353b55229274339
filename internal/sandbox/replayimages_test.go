package sandbox

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/ocitest"
)

// imageRow says why a recording about an OCI image is not compared, "" if it is.
func imageRow(name, driver string) string {
	switch {
	case !strings.HasPrefix(name, "oci-"):
	case driver != "virtual":
		return "the images have no real programs; TestRealImages has some"
	case name == "oci-conf-file":
		return "the simulated node has no /etc/pve; pct config tells the same"
	case name == "oci-user-exec-id":
		return "the recorded image has busybox's ps; TestImages tells whose processes run"
	}
	return ""
}

// beforeImages makes the images and containers that the recorded node had.
func beforeImages(t *testing.T, s *Sandbox, c *ssh.Client, r *recording) {
	t.Helper()
	var commands string
	switch r.Name {
	case "oci-config":
		user := ocitest.User()
		user.Layers[0] = ocitest.Base("busybox", "1.36")
		user.Config.Entrypoint, user.Config.Cmd = nil, []string{"/bin/sleep", "1000000"}
		dir := s.Node().TemplateDir() // it outlives this row
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, i := range map[string]ocitest.Image{"bbhttpd_1.0": ocitest.Httpd(), "bbuser_1.0": user} {
			file, err := i.Write(dir, name)
			if err == nil {
				err = s.Node().AddTemplate(node.Template{Volid: "local:vztmpl/" + name + ".tar", Size: 1 << 20, Path: file})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		commands = "pct create 301 local:vztmpl/bbhttpd_1.0.tar --hostname oci-01 --rootfs local:1 --ostype unmanaged " +
			"--net0 name=eth0,bridge=vmbr0,ip=10.79.0.31/24,gw=10.79.0.1,hwaddr=BC:24:11:20:C9:47"
	case "oci-user-create":
		commands = "pct destroy 301 --force"
		r.Command = strings.ReplaceAll(r.Command, "vmbr9", "vmbr0")
	}
	if commands == "" {
		return
	}
	if _, errOut, exit := remote(t, c, commands, nil); exit != 0 {
		t.Fatal(commands, errOut)
	}
}
