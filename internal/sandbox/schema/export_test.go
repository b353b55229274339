package schema

// Reads are the routes of reads, which come from Proxmox's sources alone.
var Reads = func() map[string]bool {
	found := map[string]bool{}
	for route := range reads {
		found[route] = true
	}
	return found
}()
