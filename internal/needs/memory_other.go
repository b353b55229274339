//go:build !linux

package needs

// FilesInMemory does nothing on systems other than Linux.
func FilesInMemory() {}
