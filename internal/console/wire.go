package console

import (
	"bytes"
	"compress/gzip"
	"crypto/md5" // #nosec: it detects noise, not attacks
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

// This file is the counterpart of pump.sh: the format of what the two say to each other.
// Anybody may write to a console, so the pump's words may stand anywhere in a line.

// blockSize is how many bytes the pump reads at once.
const blockSize = 65536

// maxBlock limits a block as it is sent: blockSize bytes that gzip could not make smaller,
// as lines of base64.
const maxBlock = 2 * blockSize

// parser finds the pump's words and blocks in what a console prints.
type parser struct {
	mark  []byte                         // "~TAG ", which begins each word
	word  func(words []string)           // called for each word that does not belong to a block
	block func(words []string, p []byte) // called for each block: ID STREAM SEQ FORM SUM, and its body
	lost  func(id, stream, seq string)   // called for a block whose begin and end do not match
	noise func(p []byte)                 // called for text that is not the pump's

	buf   []byte
	head  []string // of the block being read; nil: none
	body  []byte
	after bool // a word has ended, its line end has not come yet
}

// maxWord limits a word of the pump, in bytes.
const maxWord = 200

// feed parses the next bytes. Carriage returns are dropped, because each terminal on the
// way may add one.
func (w *parser) feed(p []byte) {
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
			w.buf = w.buf[len(w.mark):] // a spoiled word
		default:
			w.buf = append([]byte(nil), w.buf...)
			return
		}
	}
	w.buf = w.buf[:0]
}

// text handles bytes between two words: part of a block, or noise.
func (w *parser) text(p []byte) {
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

func (w *parser) take(words []string) {
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

// sumOf is the checksum that the program of that name makes: sha256sum or md5sum.
func sumOf(program string, p []byte) string {
	if program == "md5sum" {
		s := md5.Sum(p)
		return hex.EncodeToString(s[:])
	}
	s := sha256.Sum256(p)
	return hex.EncodeToString(s[:])
}

// decodeBlock returns the bytes of a block. FORM is t (plain text, with its length as the
// sum), z (gzip, which has a checksum of its own), b (base64) or x (the end of the
// stream). Lines that something else printed into the base64 are left out.
func decodeBlock(program, form, sum string, body []byte) ([]byte, error) {
	wrong := errors.New("its checksum differs")
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

// readings are guesses of the base64 text before something else was printed into it: the
// text as it came; only the lines that are nothing but base64; and all lines, each up to
// its first other byte. The text was one line, or lines of 76 letters from a base64
// without -w0.
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

// wrapped breaks text into lines of 76 letters.
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
	n, err := base64.StdEncoding.Decode(raw, p) // skips line ends
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

// maxPlain is the longest text that is sent as it is, in bytes. Packing would make it
// shorter, but the guest needs several processes to unpack it.
const maxPlain = 4 << 10

// recordSeparator is the one control byte besides the tab that plain text may have.
const recordSeparator = '\x1e'

// packFrom is the shortest message that is packed, in bytes: gzip costs the guest a
// process.
const packFrom = 1500

// lineLength is how many bytes of a message one line carries. With its head the line fits
// a terminal's input queue of 4,095 bytes.
const lineLength = 3000

// pumpLine is one line of words for the pump with this tag. The line gives its own length,
// because a key that somebody presses could otherwise change a number in it.
func pumpLine(tag, words string) string {
	return fmt.Sprintf("~%s %s %d .\n", tag, words, len(words))
}

// encoder makes the messages for one pump.
type encoder struct {
	tag    string
	sum    string // the guest's program for checksums
	gzip   bool   // the guest has gzip
	blocks bool   // the guest's dd can read an exact number of bytes from a terminal
}

// encode makes one message of p: plain text if possible, else base64, packed if that is
// shorter. A short message is sent in lines, a long one in one piece.
func (c encoder) encode(id, seq int, p []byte) []byte {
	if lines, ok := c.plain(p); ok {
		return append(lines, pumpLine(c.tag, fmt.Sprintf("m %d %d t %d 0", id, seq, len(p)))...)
	}
	form := "b"
	if c.gzip && len(p) > packFrom {
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

// plain makes lines of p as it is, if p is whole lines of printable ASCII, tabs and record
// separators. No terminal changes these, and every shell counts them alike.
func (c encoder) plain(p []byte) ([]byte, bool) {
	if len(p) == 0 || len(p) > maxPlain || p[len(p)-1] != '\n' || bytes.Contains(p, []byte(c.tag)) {
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
