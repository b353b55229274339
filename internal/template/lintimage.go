package template

import "strings"

// imagePrefix begins an OS that is an OCI image.
const imagePrefix = "oci:"

// images warns about what an application's image cannot do. Only the image itself shows
// whether it is one, so that this is no error: create asks the registry and refuses packages.
func (c *lint) images() {
	if !strings.HasPrefix(c.t.OS, imagePrefix) {
		return
	}
	p := c.t.Packages
	if len(p.Names)+len(p.Custom) > 0 {
		c.add("packages", false, "", "if %s is the image of one application (its command is no init), nothing installs packages in it, and create refuses this template", c.t.OS)
	}
	if len(c.t.EnabledScripts()) > 0 {
		c.add("os", false, "", "if %s is the image of one application, its scripts run only where the image has a shell, through the node (ssh.node)", c.t.OS)
	}
}
