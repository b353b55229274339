package guest

import (
	"context"
	"errors"
	"io"
	"io/fs"
)

// File is one file to ship. Exactly one of Content and Open is used: Open where
// it is not nil, and Size with it.
type File struct {
	Path    string      // relative to the staging folder, slashes, no ".."
	Mode    fs.FileMode // permission bits
	UID     int
	GID     int
	User    string // a name of the guest; wins over UID where the guest knows it
	Group   string
	Content []byte
	Open    func() (io.ReadCloser, error)
	Size    int64
}

// Shipment is a set of files and the program that puts them to use.
type Shipment struct {
	Label   string
	Staging string // absolute; made afresh, 0700: anything there before is removed
	Files   []File
	Then    string    // POSIX sh, run in Staging once every file is there
	Stdout  io.Writer // of Then
	Stderr  io.Writer
}

// Ship sends every file in one archive stream and runs Then, all in one remote
// command. The status is Then's; files that did not arrive whole are an error.
func Ship(ctx context.Context, g Guest, s Shipment) (status int, err error) {
	return 0, errors.New("cannot ship: not implemented")
}
