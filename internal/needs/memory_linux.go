package needs

import (
	"os"
	"syscall"
)

const (
	memory     = "/dev/shm"
	enough     = 2 << 30 // bytes; all sessions at once stay below half of it
	noPrograms = 8       // ST_NOEXEC of statfs(2): test binaries could not be started there
)

// FilesInMemory moves the temporary folders of this test binary to memory. Call it first in
// TestMain. Sessions make and remove thousands of small files within seconds. On ext4 that
// cost a quarter of their CPU time, since each new file looks for an inode that was not freed
// lately. Nothing moves if TMPDIR names a folder, or if there is little room in memory: a
// Docker container has 64 MB there.
func FilesInMemory() {
	var s syscall.Statfs_t
	if os.Getenv("TMPDIR") != "" || syscall.Statfs(memory, &s) != nil {
		return
	}
	if s.Flags&noPrograms == 0 && s.Bavail*uint64(s.Bsize) >= enough && syscall.Access(memory, 2) == nil {
		_ = os.Setenv("TMPDIR", memory) // fails only for a bad name
	}
}
