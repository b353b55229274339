//go:build !unix

package fsys

import "io/fs"

func linkInfo(fs.FileInfo) (links int, ino uint64) { return 1, 0 }

func (i *Info) sys() any { return nil }
