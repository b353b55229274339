package kernel

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// ParseMode reads a mode as chmod takes it, octal or symbolic, against the old one.
func ParseMode(s string, old fs.FileMode, dir bool, umask fs.FileMode) (fs.FileMode, error) {
	if n, err := strconv.ParseUint(s, 8, 32); err == nil && n <= 0o7777 {
		return FromUnix(uint32(n)), nil
	}
	mode := ToUnix(old)
	for _, part := range strings.Split(s, ",") {
		i := strings.IndexAny(part, "+-=")
		if i < 0 {
			return 0, fmt.Errorf("invalid mode: %s", quoteName(s))
		}
		who, mask := part[:i], uint32(0)
		for _, c := range who {
			switch c {
			case 'u':
				mask |= 0o4700
			case 'g':
				mask |= 0o2070
			case 'o':
				mask |= 0o1007
			case 'a':
				mask |= 0o7777
			default:
				return 0, fmt.Errorf("invalid mode: %s", quoteName(s))
			}
		}
		if who == "" {
			mask = 0o7777 &^ uint32(umask.Perm())
		}
		rest := part[i:]
		for len(rest) > 0 {
			op := rest[0]
			rest = rest[1:]
			end := strings.IndexAny(rest, "+-=")
			if end < 0 {
				end = len(rest)
			}
			bits, err := modeBitsOf(rest[:end], mode, dir)
			if err != nil {
				return 0, fmt.Errorf("invalid mode: %s", quoteName(s))
			}
			rest = rest[end:]
			switch op {
			case '+':
				mode |= bits & mask
			case '-':
				mode &^= bits & mask
			case '=':
				mode = mode&^(mask&0o777) | bits&mask
			}
		}
	}
	return FromUnix(mode), nil
}

func modeBitsOf(s string, mode uint32, dir bool) (uint32, error) {
	var bits uint32
	for _, c := range s {
		switch c {
		case 'r':
			bits |= 0o444
		case 'w':
			bits |= 0o222
		case 'x':
			bits |= 0o111
		case 'X':
			if dir || mode&0o111 != 0 {
				bits |= 0o111
			}
		case 's':
			bits |= 0o6000
		case 't':
			bits |= 0o1000
		case 'u':
			bits |= mode >> 6 & 7 * 0o111
		case 'g':
			bits |= mode >> 3 & 7 * 0o111
		case 'o':
			bits |= mode & 7 * 0o111
		default:
			return 0, fmt.Errorf("invalid mode")
		}
	}
	return bits, nil
}

// ToUnix and FromUnix turn Go's mode bits into chmod's and back.
func ToUnix(m fs.FileMode) uint32 {
	n := uint32(m.Perm())
	if m&fs.ModeSetuid != 0 {
		n |= 0o4000
	}
	if m&fs.ModeSetgid != 0 {
		n |= 0o2000
	}
	if m&fs.ModeSticky != 0 {
		n |= 0o1000
	}
	return n
}

// FromUnix is the opposite of ToUnix.
func FromUnix(n uint32) fs.FileMode {
	m := fs.FileMode(n & 0o777)
	if n&0o4000 != 0 {
		m |= fs.ModeSetuid
	}
	if n&0o2000 != 0 {
		m |= fs.ModeSetgid
	}
	if n&0o1000 != 0 {
		m |= fs.ModeSticky
	}
	return m
}
