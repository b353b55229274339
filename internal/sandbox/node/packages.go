package node

import (
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// Packages is GET /nodes/NODE/apt/versions, shortened to the packages that containers
// depend on. Version is the candidate of apt, OldVersion the installed one.
func (n *Node) Packages() []map[string]any {
	rows := []map[string]any{}
	for _, v := range n.Profile().Packages {
		have := v[1]
		for _, f := range n.faults.Values(driver.FaultPackage) {
			if name, version, _ := strings.Cut(f, "="); name == v[0] {
				have = version
			}
		}
		rows = append(rows, map[string]any{
			"Package": v[0], "Title": "simulated", "Description": "simulated", "Origin": "Proxmox", "Section": "admin", "Arch": "all",
			"Priority": "optional", "Version": v[1], "OldVersion": have, "CurrentState": "Installed",
		})
	}
	return rows
}

// CertificateLife is how long a certificate of the node is valid that is made now: two
// years, as pvecm makes it.
func (n *Node) CertificateLife() time.Duration {
	for _, v := range n.faults.Values(driver.FaultCertificate) {
		if d, err := time.ParseDuration(v); err == nil {
			return d
		}
	}
	return 2 * 365 * 24 * time.Hour
}
