package cli

import "io"

// detachable reads what is typed, and knows ssh's keys for leaving: Enter, ~, a full stop.
// Enter, ~, ~ types one ~.
type detachable struct {
	r      io.Reader
	detach func()

	fresh bool // at the beginning of a line
	tilde bool // a ~ there is held back
	held  []byte
}

func newDetachable(r io.Reader, detach func()) *detachable {
	return &detachable{r: r, detach: detach, fresh: true}
}

func (d *detachable) Read(p []byte) (int, error) {
	for len(d.held) == 0 {
		buf := make([]byte, 4<<10)
		n, err := d.r.Read(buf)
		for _, b := range buf[:n] {
			if d.key(b) {
				d.detach()
				return 0, io.EOF
			}
		}
		if err != nil && len(d.held) == 0 {
			return 0, err
		}
	}
	n := copy(p, d.held)
	d.held = d.held[n:]
	return n, nil
}

// key handles one byte; true: the user leaves.
func (d *detachable) key(b byte) bool {
	switch {
	case d.tilde && b == '.':
		return true
	case d.tilde && b != '~':
		d.held = append(d.held, '~')
	case !d.tilde && d.fresh && b == '~':
		d.tilde = true
		return false
	}
	d.tilde = false
	d.held = append(d.held, b)
	d.fresh = b == '\r' || b == '\n'
	return false
}
