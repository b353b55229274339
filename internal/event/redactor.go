package event

// redactor removes secrets from a stream that comes in chunks of any size. It also finds
// a secret that is broken by line ends, and masks both parts. It holds back only an end
// of the stream that could be the beginning of a secret. The zero value with secrets set
// is ready to use.
type redactor struct {
	secrets *Secrets
	m       *matcher
	state   int32

	held    []byte // not released yet, with line ends
	marked  []bool // which bytes of held belong to a secret
	count   int    // bytes of held that are not line ends
	masking bool   // the last released byte was masked
}

// write adds p to the stream and appends to out everything that can be released.
func (r *redactor) write(out, p []byte) []byte {
	r.renew()
	for len(p) > 0 {
		if r.state == 0 && len(r.held) == 0 {
			n := r.dull(p)
			if n > 0 {
				out = append(out, p[:n]...)
				r.masking = false
				p = p[n:]
				continue
			}
		}
		out = r.add(out, p[0])
		p = p[1:]
	}
	return out
}

// dull counts the bytes at the start of p that certainly begin no secret.
func (r *redactor) dull(p []byte) int {
	for i, b := range p {
		if r.m.root[b] != 0 {
			return i
		}
	}
	return len(p)
}

func (r *redactor) add(out []byte, b byte) []byte {
	r.held, r.marked = append(r.held, b), append(r.marked, false)
	if b != '\n' && b != '\r' {
		r.count++
		r.state = r.m.step(r.state, b)
		r.mark(int(r.m.out[r.state]))
	}
	return r.release(out, int(r.m.depth[r.state]))
}

// mark masks the last n held bytes, not counting line ends.
func (r *redactor) mark(n int) {
	for i := len(r.held) - 1; i >= 0 && n > 0; i-- {
		if r.held[i] != '\n' && r.held[i] != '\r' {
			r.marked[i] = true
			n--
		}
	}
}

// release releases all held bytes but the last keep, not counting line ends.
func (r *redactor) release(out []byte, keep int) []byte {
	i := 0
	for ; i < len(r.held); i++ {
		b := r.held[i]
		switch {
		case b == '\n' || b == '\r':
			out = append(out, b)
			r.masking = false // the rest of the secret, in the next line, gets a mask of its own
			continue
		case r.count <= keep:
		case !r.marked[i]:
			out, r.masking = append(out, b), false
			r.count--
			continue
		default:
			if !r.masking {
				out, r.masking = append(out, Mask...), true
			}
			r.count--
			continue
		}
		break
	}
	r.held = append(r.held[:0], r.held[i:]...)
	r.marked = append(r.marked[:0], r.marked[i:]...)
	return out
}

// settle releases the held bytes because the stream is idle. It masks them if they are at
// least six bytes of a secret. Shorter beginnings are shown, because otherwise every line
// that ends in the first letter of a secret would be masked. The rest of the secret is
// masked even if it comes later.
func (r *redactor) settle(out []byte) []byte {
	if r.m != nil && int(r.m.depth[r.state]) >= minSecret {
		r.mark(r.count)
	}
	return r.release(out, 0)
}

// finish releases the held bytes at the end of the stream.
func (r *redactor) finish(out []byte) []byte {
	out = r.settle(out)
	r.state = 0
	return out
}

// letGo releases the held bytes unmasked, at the end of a complete text.
func (r *redactor) letGo(out []byte) []byte { return r.release(out, 0) }

// renew takes new secrets into account: it matches the held end of the stream again.
func (r *redactor) renew() {
	m := r.secrets.matcher()
	if m == r.m {
		return
	}
	var text []byte
	if r.m != nil {
		text = r.m.text(r.state)
	}
	r.m, r.state = m, 0
	behind := len(text)
	for _, b := range text {
		behind--
		r.state = m.step(r.state, b)
		r.markBefore(int(m.out[r.state]), behind)
	}
}

// markBefore masks n held bytes that end behind bytes before the end.
func (r *redactor) markBefore(n, behind int) {
	for i := len(r.held) - 1; i >= 0 && n > 0; i-- {
		switch {
		case r.held[i] == '\n' || r.held[i] == '\r':
		case behind > 0:
			behind--
		default:
			r.marked[i] = true
			n--
		}
	}
}
