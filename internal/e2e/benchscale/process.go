package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const sampleEvery = 250 * time.Millisecond

// process is a process of the tool, whose memory is sampled while it lives.
type process struct {
	name string
	cmd  *exec.Cmd
	err  string        // the file that has its stderr
	done chan struct{} // closed at its end

	mu      sync.Mutex
	samples []int // kB of resident memory, every sampleEvery
	peak    int   // kB
	cpu     time.Duration
}

// start starts a process. It is killed if ctx ends.
func (b *bench) start(ctx context.Context, name string, env []string, args ...string) (*process, error) {
	return b.startTo(ctx, name, nil, env, args...)
}

// startTo is start for a process with a stdout.
func (b *bench) startTo(ctx context.Context, name string, out *os.File, env []string, args ...string) (*process, error) {
	p := &process{name: name, err: filepath.Join(b.dir, name+".err"), done: make(chan struct{})}
	errs, err := os.OpenFile(p.err, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer errs.Close()
	p.cmd = exec.CommandContext(ctx, b.bin, args...)
	p.cmd.Env, p.cmd.Dir, p.cmd.Stderr = env, b.dir, errs
	if out != nil {
		p.cmd.Stdout = out
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.sample()
	go func() {
		_ = p.cmd.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		if s := p.cmd.ProcessState; s != nil {
			p.cpu = s.UserTime() + s.SystemTime()
			if ru, ok := s.SysUsage().(*syscall.Rusage); ok {
				p.peak = max(p.peak, int(ru.Maxrss))
			}
		}
		close(p.done)
	}()
	return p, nil
}

func (p *process) sample() {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		if kb := status(p.cmd.Process.Pid, "VmRSS"); kb > 0 {
			p.mu.Lock()
			p.samples, p.peak = append(p.samples, kb), max(p.peak, kb)
			p.mu.Unlock()
		}
		select {
		case <-p.done:
			return
		case <-tick.C:
		}
	}
}

// status is a figure in kB of /proc/PID/status, 0 if the process is gone.
func status(pid int, field string) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kb, _ := strconv.Atoi(strings.Fields(rest)[0])
			return kb
		}
	}
	return 0
}

// used is the CPU time of a process that may still run.
func (p *process) used() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cpu > 0 {
		return p.cpu
	}
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// most is the largest resident memory, in MB.
func (p *process) most() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return float64(p.peak) / 1000
}

// rise is by how many MB the memory has risen from the second quarter of the process's life to
// the last one. The first is left out: then its caches fill.
func (p *process) rise() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.samples)
	if n < 16 {
		return 0
	}
	middle := func(part []int) int {
		part = slices.Clone(part)
		slices.Sort(part)
		return part[len(part)/2]
	}
	return float64(middle(p.samples[3*n/4:])-middle(p.samples[n/4:n/2])) / 1000
}

// kill kills a process with SIGKILL.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// end ends a process with SIGTERM.
func (p *process) end() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.done
}

func (p *process) exit() int { return p.cmd.ProcessState.ExitCode() }

// last are the last lines that a process has written to stderr.
func (p *process) last() string {
	text, _ := os.ReadFile(p.err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}

// output runs a command of the tool to its end and returns its stdout.
func (b *bench) output(ctx context.Context, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, b.bin, args...)
	cmd.Env, cmd.Dir = env, b.dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("infrahaus %s: %w\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out, nil
}

// firstLine waits for a line with a prefix in a stream.
func firstLine(lines *bufio.Scanner, prefix string, each func(string)) bool {
	for lines.Scan() {
		each(lines.Text())
		if strings.HasPrefix(lines.Text(), prefix) {
			return true
		}
	}
	return false
}
