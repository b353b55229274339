package guest

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
	*pumped
	d     *dialogue
	wire  *wire
	hello []string // its first word
	again bool     // the loader asks for it once more
	told  bool     // the pump has heard that it is to end
	ended bool     // the loader has ended
}

// install sends the pump's text to the loader, until it arrived whole, and waits
// for its hello. Where it is given up before, the loader and the pump that it may be
// starting are told to end: whoever sees the console could use the shell.
func (p *pumped) install(ctx context.Context, d *dialogue) error {
	i := &installing{pumped: p, d: d}
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
	program := pumpProgram(i.tag) + i.tag + "\n"
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
		if err := i.pumped.send([]byte(text)); err != nil {
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
				_, _ = i.d.all.Write(b)
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
	return i.d.fail(Protocol, "the shell there does not take what is sent to it", "does somebody else type in it? close the web console and try again")
}

// abandon ends the loader, or the pump behind it, and waits until the console is as
// it was.
func (i *installing) abandon() {
	late := time.After(byeDeadline)
	for !i.ended {
		var again <-chan time.Time
		if !i.told { // what is typed after that is read by whoever comes next
			if i.pumped.send([]byte("\n"+pumpLine(i.tag, "q"))) != nil {
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
func (p *pumped) greeted(words []string, d *dialogue) error {
	if words[0] == "f" || len(words) != 5 {
		return d.fail(Protocol, "the guest lacks a program that the console needs: base64 (or openssl), sha256sum or md5sum, mkfifo, and a folder to write in",
			"use ssh.transport guest or node")
	}
	const logOut = "log out of it on the container's console in the web interface, then try again"
	switch words[4] {
	case "0":
	case "ssh":
		return d.fail(AuthRefused, "the shell that is open there is of an SSH session, perhaps on another machine", logOut)
	default:
		return d.fail(AuthRefused, "the shell that is open there is not root's (uid "+words[4]+")", logOut)
	}
	p.sum, p.packed, p.blocks = words[1], words[2] == "1", words[3] == "1"
	return nil
}
