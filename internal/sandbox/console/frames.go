package console

import (
	"bufio"
	"errors"
	"io"
	"strconv"
)

// maxNumber limits the digits of a length or size.
const maxNumber = 10

// errFrame ends a connection with invalid frames.
var errFrame = errors.New("unexpected data in the console's stream")

// Frames reads termproxy's frames, "0:LENGTH:BYTES", "1:COLS:ROWS:" and "2", to the end
// of r. It passes bytes on as they come, because a frame may be longer than any buffer
// and may come in pieces. It skips unknown types.
func Frames(r *bufio.Reader, typed io.Writer, resize func(cols, rows int) error) error {
	for {
		kind, err := r.ReadByte()
		if err != nil {
			return err
		}
		switch kind {
		case '0':
			err = data(r, typed)
		case '1':
			err = size(r, resize)
		}
		if err != nil {
			return err
		}
	}
}

func data(r *bufio.Reader, typed io.Writer) error {
	n, err := numbers(r, 1)
	if err != nil {
		return err
	}
	_, err = io.CopyN(typed, r, int64(n[0]))
	return err
}

func size(r *bufio.Reader, resize func(cols, rows int) error) error {
	n, err := numbers(r, 2)
	if err != nil {
		return err
	}
	return resize(n[0], n[1])
}

// numbers reads ":N:" or ":N:M:".
func numbers(r *bufio.Reader, count int) ([]int, error) {
	if c, err := r.ReadByte(); err != nil || c != ':' {
		return nil, errors.Join(errFrame, err)
	}
	var out []int
	for range count {
		var digits []byte
		for {
			c, err := r.ReadByte()
			if err != nil {
				return nil, err
			}
			if c == ':' {
				break
			}
			if digits = append(digits, c); c < '0' || c > '9' || len(digits) > maxNumber {
				return nil, errFrame
			}
		}
		n, err := strconv.Atoi(string(digits))
		if err != nil {
			return nil, errFrame
		}
		out = append(out, n)
	}
	return out, nil
}
