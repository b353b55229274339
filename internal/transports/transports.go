// Package transports holds the names of the ways into a guest, as ssh.transport in the
// config has them. Config, guest, provision and cli use these names; the package imports
// nothing, so that each of them can.
package transports

const (
	Auto  = "auto"  // the first of the others that works
	Guest = "guest" // SSH to the guest itself
	Node  = "node"  // pct on the node, over SSH
	API   = "api"   // the container's console, through Proxmox's API
)

// Names lists what ssh.transport may be. The first is the default.
var Names = []string{Auto, Guest, Node, API}
