//go:build unix

package fsys

import (
	"io/fs"
	"syscall"
)

func linkInfo(hi fs.FileInfo) (links int, ino uint64) {
	if st, ok := hi.Sys().(*syscall.Stat_t); ok {
		return int(st.Nlink), st.Ino
	}
	return 1, 0
}

func (i *Info) sys() any {
	st := &syscall.Stat_t{}
	if i.FileInfo != nil {
		if h, ok := i.FileInfo.Sys().(*syscall.Stat_t); ok {
			*st = *h
		}
	}
	st.Uid, st.Gid = uint32(i.UID), uint32(i.GID)
	return st
}
