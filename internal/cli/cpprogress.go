package cli

import (
	"fmt"
	"io"
	"time"
)

// progress shows on a terminal how far a copy is.
type progress struct {
	app  *app
	on   bool
	size int64
	done int64
	last time.Time
	long int
}

func newProgress(a *app, size int64) *progress {
	return &progress{app: a, on: a.streams.ErrTTY && !a.global.quiet && !a.global.json, size: size, last: time.Now()}
}

func (p *progress) add(n int) {
	p.done += int64(n)
	if !p.on || time.Since(p.last) < 200*time.Millisecond {
		return
	}
	p.last = time.Now()
	text := bytesText(p.done)
	if p.size > 0 {
		text += " of " + bytesText(max(p.size, p.done))
	}
	fmt.Fprintf(p.app.streams.Err, "\r%-*s", p.long, text)
	p.long = len(text)
}

// end removes the line.
func (p *progress) end() {
	if p.long > 0 {
		fmt.Fprintf(p.app.streams.Err, "\r%*s\r", p.long, "")
	}
}

func (p *progress) writer(w io.Writer) io.Writer { return metered{p, w, nil} }
func (p *progress) reader(r io.Reader) io.Reader { return metered{p, nil, r} }

type metered struct {
	p *progress
	w io.Writer
	r io.Reader
}

func (c metered) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.p.add(n)
	return n, err
}

func (c metered) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.p.add(n)
	return n, err
}

// bytesText writes a size as people do.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
