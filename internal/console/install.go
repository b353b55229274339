package console

import (
	"context"
	"math/rand/v2"
	"time"
)

// installPatience is how long the pump's text is sent again and again: where keys of
// somebody else's fall into it each time, one of the next tries gets through; of a
// guest that is slow to read, many do not.
const installPatience = time.Minute

// installing is a pump that is sent to the loader.
type installing struct {
	*Mux
	d     *login
	wire  *wire
	hello []string // its first word
	again bool     // the loader asks for it once more
	told  bool     // the pump has heard that it is to end
	ended bool     // the loader has ended
}

// install sends the pump's text to the loader, until it arrived whole, and waits
// for its hello. Where it is given up before, the loader and the pump that it may be
// starting are told to end: whoever sees the console could use the shell.
func (p *Mux) install(ctx context.Context, d *login) error {
	i := &installing{Mux: p, d: d}
	i.wire = &wire{
		mark: []byte("~" + p.tag + " "), noise: func([]byte) {}, lost: func(string, string, string) {}, block: func([]string, []byte) {},
		word: i.word,
	}
	i.wire.feed(d.text)
	d.waiting("starting the shell on the console")
	err := i.send(ctx)
	if err == nil {
		err = p.greeted(i.hello, d)
	}
	if err != nil {
		i.abandon()
	}
	return err
}

func (i *installing) word(words []string) {
	switch words[0] {
	case "h":
		i.hello = words
	case "f":
		i.hello, i.ended = words, true
	case "r":
		i.again = true
	case "q":
		i.told = true
	case "b":
		i.ended = true
	}
}

// send returns when there is a hello.
func (i *installing) send(ctx context.Context) error {
	program := i.d.program + i.tag + "\n"
	end := time.Now().Add(installPatience)
	for try := 0; time.Now().Before(end); try++ {
		text := "\n" + pumpLine(i.tag, "h") + i.tag + "\n"
		if try == 0 || i.again {
			text = program
		}
		if i.again { // not in step with whoever types
			if err := pause(ctx, rand.N(300*time.Millisecond)); err != nil {
				return err
			}
		}
		i.again = false
		if err := i.Mux.send([]byte(text)); err != nil {
			return i.d.hungUp()
		}
		late := time.After(5 * time.Second)
	wait:
		for !i.again && i.hello == nil {
			select {
			case b, open := <-i.d.chunks:
				if !open {
					return i.d.hungUp()
				}
				i.d.all = keepLast(i.d.all, b, screenSize)
				i.wire.feed(b)
			case <-late:
				break wait
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if i.hello != nil {
			return nil
		}
	}
	return i.d.fail(Garbled, "the shell there does not take what is sent to it")
}

// abandon ends the loader, or the pump behind it, and waits until the console is as
// it was.
func (i *installing) abandon() {
	late := time.After(byeDeadline)
	for !i.ended {
		var again <-chan time.Time
		if !i.told { // what is typed after that is read by whoever comes next
			if i.Mux.send([]byte("\n"+pumpLine(i.tag, "q"))) != nil {
				return
			}
			again = time.After(byeDeadline / 2) // somebody who types may spoil it
		}
	wait:
		for !i.ended {
			select {
			case b, open := <-i.d.chunks:
				if !open {
					return
				}
				i.wire.feed(b)
			case <-again:
				break wait
			case <-late:
				return
			}
		}
	}
}

// greeted reads the pump's first word: h PROGRAM GZIP FULLBLOCK UID, where UID is ssh in
// an SSH session, or f and what is there.
func (p *Mux) greeted(words []string, d *login) error {
	if words[0] == "f" || len(words) != 5 {
		return d.fail(LacksPrograms, "the guest lacks a program that the console needs: base64 (or openssl), sha256sum or md5sum, mkfifo, and a folder to write in")
	}
	switch words[4] {
	case "0":
	case "ssh":
		return d.fail(OtherShell, "the shell that is open there is of an SSH session, perhaps on another machine")
	default:
		return d.fail(OtherShell, "the shell that is open there is not root's (uid "+words[4]+")")
	}
	p.sum, p.packed, p.blocks = words[1], words[2] == "1", words[3] == "1"
	return nil
}
