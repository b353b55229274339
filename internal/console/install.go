package console

import (
	"context"
	"math/rand/v2"
	"time"
)

// installPatience is how long the pump's text is sent again and again. If somebody types,
// one of several tries gets through; a guest that is slow to read needs more than one.
const installPatience = time.Minute

// installer sends the pump's text to the bootstrap.
type installer struct {
	*Mux
	login  *login
	parser *parser
	hello  []string // the pump's first word
	again  bool     // the bootstrap asks for the text again
	told   bool     // the pump has read q
	ended  bool     // the bootstrap has ended
}

// install sends the pump's text to the bootstrap until it has arrived whole, and waits for
// the pump's first word. If that fails, bootstrap and pump are ended: anybody who sees the
// console could use their shell.
func (m *Mux) install(ctx context.Context, d *login) error {
	i := &installer{Mux: m, login: d}
	i.parser = &parser{
		mark: []byte("~" + m.tag + " "), word: i.onWord,
		noise: func([]byte) {}, lost: func(string, string, string) {}, block: func([]string, []byte) {},
	}
	i.parser.feed(d.text)
	d.waiting("starting the shell on the console")
	err := i.sendProgram(ctx)
	if err == nil {
		err = m.readHello(i.hello, d)
	}
	if err != nil {
		i.abandon()
	}
	return err
}

func (i *installer) onWord(words []string) {
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

// sendProgram returns when the pump has said its first word.
func (i *installer) sendProgram(ctx context.Context) error {
	program := i.login.program + i.tag + "\n"
	end := time.Now().Add(installPatience)
	for try := 0; time.Now().Before(end); try++ {
		text := "\n" + pumpLine(i.tag, "h") + i.tag + "\n"
		if try == 0 || i.again {
			text = program
		}
		if i.again { // at another moment than somebody who types in a rhythm
			if err := pause(ctx, rand.N(300*time.Millisecond)); err != nil {
				return err
			}
		}
		i.again = false
		if err := i.send([]byte(text)); err != nil {
			return i.login.closed()
		}
		late := time.After(5 * time.Second)
	wait:
		for !i.again && i.hello == nil {
			select {
			case b, open := <-i.login.chunks:
				if !open {
					return i.login.closed()
				}
				i.login.screen = keepLast(i.login.screen, b, screenSize)
				i.parser.feed(b)
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
	return i.login.fail(Garbled, "the shell there does not take what is sent to it")
}

// abandon ends the bootstrap, or the pump behind it, and waits until the console is as it
// was, at most quitDeadline.
func (i *installer) abandon() {
	late := time.After(quitDeadline)
	for !i.ended {
		var again <-chan time.Time
		if !i.told { // after that, the next reader of the console would get it
			if i.send([]byte("\n"+pumpLine(i.tag, "q"))) != nil {
				return
			}
			again = time.After(quitDeadline / 2) // somebody who types may spoil it
		}
	wait:
		for !i.ended {
			select {
			case b, open := <-i.login.chunks:
				if !open {
					return
				}
				i.parser.feed(b)
			case <-again:
				break wait
			case <-late:
				return
			}
		}
	}
}

// readHello reads the pump's first word: h SUM GZIP BLOCKS UID, where UID is ssh in an SSH
// session; or f, if the guest lacks a program.
func (m *Mux) readHello(words []string, d *login) error {
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
	m.sum, m.gzip, m.blocks = words[1], words[2] == "1", words[3] == "1"
	return nil
}
