package node

import (
	"maps"
	"slices"
)

// Devices tells the node how to look for a device among its own files. Until then it has
// every device.
func (n *Node) Devices(has func(path string) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hasDevice = has
}

// checkDevices is get_device_mode_and_rdev for the devices of a config or a change. mu must
// not be held: the node's files may have to be made first.
func (n *Node) checkDevices(conf map[string]string) error {
	n.mu.Lock()
	has := n.hasDevice
	n.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(conf)) {
		if path := properties(conf[key], "path")["path"]; numbered(key, "dev") && has != nil && !has(path) {
			return fail("Device %s does not exist", path)
		}
	}
	return nil
}
