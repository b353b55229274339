package tty

// Termios is a terminal's mode with Linux's own bits, so that `stty -g` prints and accepts
// the same text as on a real machine.
type Termios struct {
	Iflag, Oflag, Cflag, Lflag uint32
	Cc                         [19]byte
}

// The bits that mean something here. Others are kept and shown, and do nothing.
const (
	ISTRIP = 0o40
	INLCR  = 0o100
	IGNCR  = 0o200
	ICRNL  = 0o400
	IXON   = 0o2000
	IXANY  = 0o4000
	IXOFF  = 0o10000
	IUTF8  = 0o40000

	OPOST = 0o1
	ONLCR = 0o4
	OCRNL = 0o10

	ISIG    = 0o1
	ICANON  = 0o2
	ECHO    = 0o10
	ECHOE   = 0o20
	ECHOK   = 0o40
	ECHONL  = 0o100
	NOFLSH  = 0o200
	ECHOCTL = 0o1000
	ECHOKE  = 0o4000
	IEXTEN  = 0o100000
)

// Places of the special characters in Cc.
const (
	VINTR, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN = 0, 1, 2, 3, 4, 5, 6
	VSTART, VSTOP, VSUSP, VEOL, VREPRINT           = 8, 9, 10, 11, 12
	VDISCARD, VWERASE, VLNEXT, VEOL2               = 13, 14, 15, 16
)

// Sane is the mode of a fresh pty: `stty sane`.
func Sane() Termios {
	t := Termios{Iflag: ICRNL | IXON, Oflag: OPOST | ONLCR, Cflag: 0xbf, Lflag: ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN}
	t.Cc = [19]byte{VINTR: 3, VQUIT: 28, VERASE: 127, VKILL: 21, VEOF: 4, VMIN: 1, VSTART: 17, VSTOP: 19, VSUSP: 26, VREPRINT: 18, VDISCARD: 15, VWERASE: 23, VLNEXT: 22}
	return t
}

// Getty is the mode that agetty leaves to a login shell, as seen on a Debian 12.
func Getty() Termios {
	t := Sane()
	t.Iflag |= IXOFF | IUTF8
	t.Cflag = 0x4bf
	t.Lflag &^= IEXTEN
	return t
}

// Raw is t as `stty raw` leaves it; echo is not touched, as there.
func (t Termios) Raw() Termios {
	t.Iflag &^= ISTRIP | INLCR | IGNCR | ICRNL | IXON | IXANY | 0o1 | 0o2 | 0o4 | 0o10 | 0o20
	t.Oflag &^= OPOST
	t.Lflag &^= ISIG | ICANON
	t.Cc[VMIN], t.Cc[VTIME] = 1, 0
	return t
}

func (t *Termios) in(bit uint32) bool    { return t.Iflag&bit != 0 }
func (t *Termios) out(bit uint32) bool   { return t.Oflag&bit != 0 }
func (t *Termios) local(bit uint32) bool { return t.Lflag&bit != 0 }

// is says whether c is the special character at place i; 0 switches one off.
func (t *Termios) is(c byte, i int) bool { return c != 0 && t.Cc[i] == c }
