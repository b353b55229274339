package console

import (
	"bytes"
	"compress/gzip"
	"crypto/md5" // #nosec: a sum against noise, not against people
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// The words of pump.sh, seen from here. What a console says is mostly the pump's,
// but anybody may write there: the parser finds the words wherever they stand.

// blockSize is what the pump reads at once.
const blockSize = 65536

// maxBlock bounds a block as it is sent: base64 of blockSize that gzip could not
// make smaller, in lines.
const maxBlock = 2 * blockSize

// wire cuts the bytes of a console at the pump's words.
type wire struct {
	mark  []byte                         // "~TAG "
	word  func(words []string)           // a word of the pump; not of a block
	block func(words []string, p []byte) // a whole block: ID STREAM SEQ FORM SUM
	lost  func(id, stream, seq string)   // the end of a block whose head was lost
	noise func(p []byte)                 // what is none of the pump's

	buf   []byte
	head  []string // of the block that is read; nil: none
	body  []byte
	after bool // the line end after a word is still to come
}

// maxWord bounds a word of the pump.
const maxWord = 200

// feed takes any piece of the stream. Carriage returns mean nothing here: each
// terminal on the way may add one.
func (w *wire) feed(p []byte) {
	for _, b := range p {
		if b != '\r' {
			w.buf = append(w.buf, b)
		}
	}
	for len(w.buf) > 0 {
		if w.after {
			w.after = false
			if w.buf[0] == '\n' {
				w.buf = w.buf[1:]
				continue
			}
		}
		i := bytes.Index(w.buf, w.mark)
		if i < 0 {
			keep := overlap(w.buf, w.mark)
			w.text(w.buf[:len(w.buf)-keep])
			w.buf = append(w.buf[:0], w.buf[len(w.buf)-keep:]...)
			return
		}
		w.text(w.buf[:i])
		w.buf = w.buf[i:]
		line, rest, whole := bytes.Cut(w.buf[len(w.mark):], []byte(";"))
		again := bytes.Index(w.buf[len(w.mark):], w.mark)
		switch {
		case whole && len(line) <= maxWord && (again < 0 || again > len(line)):
			w.buf, w.after = rest, true
			w.take(strings.Fields(string(line)))
		case again >= 0 || len(w.buf) > maxWord:
			w.buf = w.buf[len(w.mark):] // a word that was spoilt
		default:
			w.buf = append([]byte(nil), w.buf...)
			return
		}
	}
	w.buf = w.buf[:0]
}

// text is what stands between words: of a block, or nobody's.
func (w *wire) text(p []byte) {
	switch {
	case len(p) == 0:
	case w.head == nil:
		w.noise(p)
	case len(w.body)+len(p) > maxBlock:
		w.head, w.body = nil, nil
	default:
		w.body = append(w.body, p...)
	}
}

func (w *wire) take(words []string) {
	switch {
	case len(words) == 6 && words[0] == "d":
		w.head, w.body = words[1:], nil
	case len(words) == 4 && words[0] == "e":
		head, body := w.head, w.body
		w.head, w.body = nil, nil
		if head == nil || !equal(head[:3], words[1:]) {
			w.lost(words[1], words[2], words[3])
			return
		}
		w.block(head, body)
	case len(words) > 0:
		w.word(words)
	}
}

func equal(a, b []string) bool { return strings.Join(a, " ") == strings.Join(b, " ") }

// sumOf is the checksum that the pump makes with the program of that name.
func sumOf(program string, p []byte) string {
	if program == "md5sum" {
		s := md5.Sum(p)
		return hex.EncodeToString(s[:])
	}
	s := sha256.Sum256(p)
	return hex.EncodeToString(s[:])
}

// unblock is what a block holds. Its FORM is t (text, as it is; the sum is its
// length), z (gzip, which has a sum of its own), b (base64 alone) or x (the stream's
// end). What else was printed into base64 does not spoil it.
func unblock(program, form, sum string, body []byte) ([]byte, error) {
	wrong := errors.New("its sum is another")
	switch {
	case form == "x":
		return nil, nil
	case form == "t" && strconv.Itoa(len(body)) == sum:
		return body, nil
	case form == "t":
		return nil, wrong
	}
	for _, text := range readings(body) {
		if form == "b" && sumOf(program, text) != sum {
			continue
		}
		if p, err := unpack(form, text); err == nil {
			return p, nil
		}
	}
	return nil, wrong
}

// readings are what base64 may have been before something else was printed into it:
// as it came; without the lines that have more in them; and with what of these comes
// before that. It is in one line, or in lines of 76 as programs make them that know
// no -w0.
func readings(body []byte) [][]byte {
	var whole, begins []byte
	for line := range bytes.Lines(body) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		begin := line[:len(line)-len(bytes.TrimLeft(line, base64Letters))]
		begins = append(begins, begin...)
		if len(begin) == len(line) {
			whole = append(whole, line...)
		}
	}
	return [][]byte{body, whole, wrapped(whole), begins, wrapped(begins)}
}

// wrapped has every line end with the 76th letter, and the text with a line's end.
func wrapped(text []byte) []byte {
	var out []byte
	for line := range slices.Chunk(text, 76) {
		out = append(append(out, line...), '\n')
	}
	return out
}

const base64Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="

// unpack decodes a block of form z or b.
func unpack(form string, p []byte) ([]byte, error) {
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(p)))
	n, err := base64.StdEncoding.Decode(raw, p) // passes over line ends
	if err != nil || form != "z" {
		return raw[:n], err
	}
	z, err := gzip.NewReader(bytes.NewReader(raw[:n]))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(z, blockSize+1))
	if err == nil && len(out) > blockSize {
		err = fmt.Errorf("a block of more than %d bytes", blockSize)
	}
	return out, err
}

// textUpTo is how long a message may be that goes as it is, if it is text: shorter
// when packed, but then the guest needs a handful of processes to take it.
const textUpTo = 4 << 10

// recordSeparator is the one control byte that plain text may have.
const recordSeparator = '\x1e'

// packFrom is the message that is worth a gzip in the guest.
const packFrom = 1500

// lineLength is how much of a message goes in one line. With its head it fits a
// terminal's input queue of 4,095 bytes.
const lineLength = 3000

// pumpLine is one line of words for a pump. It says how long it is: a key that
// somebody presses in between could make another number of one.
func pumpLine(tag, words string) string {
	return fmt.Sprintf("~%s %s %d .\n", tag, words, len(words))
}

// coding is how messages reach one pump.
type coding struct {
	tag    string
	sum    string // the program that the pump sums with
	packed bool   // the guest has gzip
	blocks bool   // its dd reads so many bytes and not one more
}

// message is p as one message: packed where that helps, in base64. A short one goes
// in lines, a long one in one piece.
func (c coding) message(id, seq int, p []byte) []byte {
	if lines, ok := c.plain(p); ok {
		return append(lines, pumpLine(c.tag, fmt.Sprintf("m %d %d t %d 0", id, seq, len(p)))...)
	}
	form := "b"
	if c.packed && len(p) > packFrom {
		var z bytes.Buffer
		gz := gzip.NewWriter(&z)
		_, _ = gz.Write(p) // into memory
		_ = gz.Close()
		if z.Len() < len(p) {
			p, form = z.Bytes(), "z"
		}
	}
	text := base64.StdEncoding.EncodeToString(p)
	sum := sumOf(c.sum, []byte(text))
	var b bytes.Buffer
	if c.blocks && len(text) > lineLength {
		return []byte(pumpLine(c.tag, fmt.Sprintf("m %d %d %s %s %d", id, seq, form, sum, len(text))) + text + "\n")
	}
	for at := 0; at < len(text); at += lineLength {
		b.WriteString(pumpLine(c.tag, "+ "+text[at:min(at+lineLength, len(text))]))
	}
	b.WriteString(pumpLine(c.tag, fmt.Sprintf("m %d %d %s %s 0", id, seq, form, sum)))
	return b.Bytes()
}

// plain is p in lines as they are, if it is whole lines of printable ASCII: what no
// terminal changes, and every shell counts alike. A record separator is as good.
func (c coding) plain(p []byte) ([]byte, bool) {
	if len(p) == 0 || len(p) > textUpTo || p[len(p)-1] != '\n' || bytes.Contains(p, []byte(c.tag)) {
		return nil, false
	}
	var b bytes.Buffer
	for line := range bytes.Lines(p) {
		line = line[:len(line)-1]
		if len(line) > lineLength || bytes.ContainsFunc(line, func(r rune) bool { return r != '\t' && r != recordSeparator && (r < ' ' || r > '~') }) {
			return nil, false
		}
		b.WriteString(pumpLine(c.tag, "= "+string(line)))
	}
	return b.Bytes(), true
}
