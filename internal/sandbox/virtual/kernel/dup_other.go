//go:build !unix

package kernel

import (
	"errors"
	"os"
)

func dupFile(*os.File) (*os.File, error) {
	return nil, errors.ErrUnsupported
}
