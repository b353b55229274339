package guest

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// follower reads the frames of ih_follow in agent.sh and passes on their contents. It counts
// bytes, so that another follower can go on from the same byte.
type follower struct {
	sink    Sink
	at      Offsets
	secrets int64 // bytes of whole lines passed on
	result  Result
	ended   bool

	line    []byte // of a frame's head, or of a secret
	kind    byte   // of the frame whose bytes are read; 0: a head comes
	skip    int64
	left    int64
	partial []byte // a secret's line so far
	dropped int64  // bytes of it that are not kept
}

// begin drops the frame that a dropped link left unfinished.
func (f *follower) begin() {
	f.kind, f.skip, f.left = 0, 0, 0
	f.line, f.partial, f.dropped = f.line[:0], f.partial[:0], 0
}

func (f *follower) link(err error) {
	if f.sink.Link != nil {
		f.sink.Link(err)
	}
}

// timedOut is the status of an attempt that took too long, as timeout(1) has it.
const timedOut = 124

// maxHead limits a frame's first line: a letter and two numbers.
const maxHead = 64

// Write takes any piece of the stream.
func (f *follower) Write(p []byte) (int, error) {
	whole := len(p)
	for len(p) > 0 {
		if f.kind == 0 {
			i := bytes.IndexByte(p, '\n')
			if len(f.line)+len(p) > maxHead && (i < 0 || i > maxHead) {
				return 0, fmt.Errorf("cannot follow: a frame without a head")
			}
			if i < 0 {
				f.line = append(f.line, p...)
				break
			}
			head := string(append(f.line, p[:i]...))
			f.line, p = f.line[:0], p[i+1:]
			if err := f.head(head); err != nil {
				return 0, err
			}
			continue
		}
		n := min(int64(len(p)), f.left)
		if err := f.body(p[:n]); err != nil {
			return 0, err
		}
		p = p[n:]
		if f.left -= n; f.left == 0 {
			f.kind = 0
		}
	}
	return whole, nil
}

// head reads a frame's first line.
func (f *follower) head(line string) error {
	word := strings.Fields(line)
	switch {
	case f.ended, len(word) == 0, len(word) == 1 && word[0] == ".":
	case len(word) == 1 && word[0] == "c":
		f.result.Claimed = true
	case len(word) == 1 && word[0] == "d":
		f.ended, f.result.Died = true, true
	case len(word) == 2 && word[0] == "x":
		status, err := strconv.Atoi(word[1])
		if err != nil {
			return fmt.Errorf("cannot follow: an end without a status: %q", line)
		}
		f.ended, f.result.Status = true, status
		if status > 128 && status <= 128+64 {
			f.result.Signal = status - 128
		}
	case len(word) == 3 && word[0] == "x" && word[2] == "timeout":
		f.ended, f.result.TimedOut, f.result.Status = true, true, timedOut
	case len(word) == 2 && word[0] == "t":
		// The script cut its own output short; what comes now is new.
		if word[1] == "o" {
			f.at.Out = 0
		} else {
			f.at.Err = 0
		}
	case len(word) == 3 && len(word[0]) == 1 && strings.Contains("oes", word[0]):
		skip, err1 := strconv.ParseInt(word[1], 10, 64)
		size, err2 := strconv.ParseInt(word[2], 10, 64)
		if err1 != nil || err2 != nil || skip < 0 || size < skip {
			return fmt.Errorf("cannot follow: a bad frame: %q", line)
		}
		f.kind, f.skip, f.left = word[0][0], skip, size
		if size == 0 {
			f.kind = 0
		}
	default:
		return fmt.Errorf("cannot follow: a bad frame: %q", line)
	}
	return nil
}

// body passes on bytes of the current frame.
func (f *follower) body(p []byte) error {
	n := min(f.skip, int64(len(p)))
	f.skip -= n
	if p = p[n:]; len(p) == 0 {
		return nil
	}
	switch f.kind {
	case 's':
		f.secret(p)
		return nil
	case 'o':
		f.at.Out += int64(len(p))
		return f.output(Stdout, f.at.Out, p)
	default:
		f.at.Err += int64(len(p))
		return f.output(Stderr, f.at.Err, p)
	}
}

// output passes on p, which ends at byte end of its stream.
func (f *follower) output(stream string, end int64, p []byte) error {
	if f.sink.Output == nil {
		return nil
	}
	return f.sink.Output(stream, end-int64(len(p)), p)
}

// maxSecret limits how much of one secret's line is kept, in bytes.
const maxSecret = 1 << 20

// secret passes on whole lines KEY=value; the rest waits for its end. Of a line longer than
// maxSecret only the beginning is kept.
func (f *follower) secret(p []byte) {
	for len(p) > 0 {
		line, rest, ended := bytes.Cut(p, []byte("\n"))
		keep := line[:min(len(line), max(0, maxSecret-len(f.partial)))]
		f.partial = append(f.partial, keep...)
		f.dropped += int64(len(line) - len(keep))
		if !ended {
			return
		}
		f.secrets += int64(len(f.partial)) + f.dropped + 1
		if f.sink.Secret != nil {
			saved(string(f.partial), f.sink.Secret)
		}
		f.partial, f.dropped = f.partial[:0], 0
		p = rest
	}
}

// saved calls secret with a line KEY=value that a script has saved. Line ends within the
// value are written as carriage returns, so that a value is always one line. If the line
// has another form, such as a token that contains a =, all of it is the secret.
func saved(line string, secret func(key, value string)) {
	key, value, ok := strings.Cut(line, "=")
	switch {
	case !ok:
	case !shellName(key) || value != "" && strings.Trim(value, "=") == "":
		secret("", line)
	default:
		secret(key, strings.ReplaceAll(value, "\r", "\n"))
	}
}
