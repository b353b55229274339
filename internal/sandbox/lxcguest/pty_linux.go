package lxcguest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// openPty returns a pty's two ends.
func openPty() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	fd := int(master.Fd())
	n, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.SetNonblock(fd, true) // Fd has made it blocking: a Close could not end a Read
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		_ = master.Close()
	}
	return master, slave, err
}

// ptyProgram is a program of the machine on a pty of its own.
type ptyProgram struct {
	master *os.File
	cmd    *exec.Cmd
	once   sync.Once
	done   chan struct{}
	err    error // of the program's end, once done
}

// Wait returns the program's exit status.
func (p *ptyProgram) Wait() (int, error) {
	<-p.done
	return status(p.err)
}

func startOnPty(cmd *exec.Cmd) (*ptyProgram, error) {
	master, slave, err := openPty()
	if err != nil {
		return nil, err
	}
	defer slave.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	p := &ptyProgram{cmd: cmd, done: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot run %s: %w", cmd.Path, closed(master, err))
	}
	// A file of its own that the runtime polls.
	fd, err := unix.FcntlInt(master.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	_ = master.Close()
	if err != nil {
		_ = cmd.Process.Kill()
		return nil, err
	}
	p.master = os.NewFile(uintptr(fd), "/dev/ptmx")
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func closed(f *os.File, err error) error {
	_ = f.Close()
	return err
}

// Read ends with io.EOF: a pty that nobody holds open any more says EIO.
func (p *ptyProgram) Read(b []byte) (int, error) {
	n, err := p.master.Read(b)
	if err != nil {
		return n, io.EOF
	}
	return n, nil
}

func (p *ptyProgram) Write(b []byte) (int, error) { return p.master.Write(b) }

// Resize is TIOCSWINSZ.
func (p *ptyProgram) Resize(cols, rows int) error {
	c, err := p.master.SyscallConn()
	if err != nil {
		return err
	}
	size := &unix.Winsize{Col: uint16(cols), Row: uint16(rows)}
	var set error
	err = c.Control(func(fd uintptr) { set = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, size) })
	if err != nil {
		return err
	}
	return set
}

// Close hangs the pty up and ends the program.
func (p *ptyProgram) Close() error {
	p.once.Do(func() {
		_ = p.cmd.Process.Signal(syscall.SIGHUP)
		_ = p.master.Close()
		go func() {
			<-p.done
		}()
	})
	return nil
}
