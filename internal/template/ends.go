package template

import (
	"bytes"
	"fmt"
)

// ends finds out how the lines of a file end, while its bytes are written to it.
type ends struct {
	lines   int     // line breaks so far
	crlf    int     // line breaks after a CR
	firstCR int     // number of the first line with a CR; 0: none
	crCol   int     // the column of that CR
	column  int     // bytes of the present line so far
	last    byte    // the byte before
	head    [5]byte // space for a byte order mark and #!
	size    int64
	binary  bool // a NUL was found
}

// Write takes the next bytes. It never fails.
func (e *ends) Write(p []byte) (int, error) {
	n := len(p)
	if at := int(min(e.size, int64(len(e.head)))); at < len(e.head) {
		copy(e.head[at:], p)
	}
	e.size += int64(n)
	e.binary = e.binary || bytes.IndexByte(p, 0) >= 0
	for len(p) > 0 && !e.binary {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			e.column, e.last = e.column+len(p), p[len(p)-1]
			break
		}
		if i > 0 {
			e.last = p[i-1]
		}
		e.lines++
		if e.last == '\r' && e.column+i > 0 {
			if e.crlf++; e.firstCR == 0 {
				e.firstCR, e.crCol = e.lines, e.column+i
			}
		}
		e.column, e.last, p = 0, '\n', p[i+1:]
	}
	return n, nil
}

// mixed reports whether some lines of a text end in CR LF and others in LF.
func (e *ends) mixed() bool { return !e.binary && e.crlf > 0 && e.crlf < e.lines }

// badShebang reports whether the first line names an interpreter and ends in CR. The
// kernel takes the CR as part of the name and finds no such program.
func (e *ends) badShebang() bool {
	return !e.binary && e.firstCR == 1 && bytes.HasPrefix(bytes.TrimPrefix(e.head[:], mark), []byte("#!"))
}

// mark is UTF-8's byte order mark.
var mark = []byte("\xef\xbb\xbf")

// checkEnds reports line ends that break a file in the guest if it is run: a CR after the
// name of the interpreter, or at the end of some commands. A text that is not run may
// have mixed line ends; that is only noted.
func (l *loader) checkEnds(file string, e ends, run bool) {
	at := Problem{File: file, Line: e.firstCR, Col: e.crCol, Suggestion: "end its lines in LF alone, as dos2unix does"}
	switch {
	case run && e.badShebang():
		at.Message = "the name of its interpreter ends in CR, and no such program exists"
		l.doubt(at)
	case e.mixed():
		at.Message = fmt.Sprintf("%d of its %d lines end in CR LF, the others in LF", e.crlf, e.lines)
		if run {
			l.doubt(at)
			return
		}
		l.warn(at)
	}
}
