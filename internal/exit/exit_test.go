package exit

import (
	"errors"
	"fmt"
	"testing"
)

type proxmox struct {
	status int
	cause  error
}

func (e *proxmox) Error() string       { return "proxmox" }
func (e *proxmox) ExitStatus() int     { return e.status }
func (e *proxmox) NextSteps() []string { return nil }
func (e *proxmox) Unwrap() error       { return e.cause }

type signalled struct{}

func (signalled) Error() string       { return "interrupted" }
func (signalled) ExitStatus() int     { return Interrupted }
func (signalled) NextSteps() []string { return nil }

type state struct{}

func (state) Error() string       { return "cannot write" }
func (state) ExitStatus() int     { return Other }
func (state) NextSteps() []string { return nil }

func TestStatus(t *testing.T) {
	plain := errors.New("plain")
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"no error", nil, Done},
		{"an error without a status", plain, Other},
		{"an error with a status", &proxmox{Proxmox, nil}, Proxmox},
		{"a wrapped error", fmt.Errorf("cannot: %w", &proxmox{Proxmox, plain}), Proxmox},
		{"one of several", errors.Join(plain, state{}, plain), Other},
		{"an interrupted request", &proxmox{Proxmox, fmt.Errorf("cut: %w", signalled{})}, Interrupted},
		{"two requests, interrupted", &proxmox{Proxmox, &proxmox{Unreachable, signalled{}}}, Interrupted},
		{"a request within a request", &proxmox{Proxmox, &proxmox{Unreachable, nil}}, Proxmox},
		{"a failure whose cause has a status", fmt.Errorf("%w", &Failure{Status: Guest, Err: signalled{}}), Guest},
		{"a request that state failed", &proxmox{Unreachable, state{}}, Unreachable},
	} {
		if got := Status(c.err); got != c.want {
			t.Errorf("%s: status %d, want %d", c.name, got, c.want)
		}
	}
}

func TestWorst(t *testing.T) {
	for _, c := range []struct {
		of   []int
		want int
	}{
		{nil, Done},
		{[]int{Done, Done}, Done},
		{[]int{Differs, Unready, Done}, Unready},
		{[]int{Unready, Guest}, Guest},
		{[]int{Guest, Usage}, Usage},
		{[]int{Usage, Proxmox}, Proxmox},
		{[]int{Proxmox, Unreachable, Usage}, Unreachable},
		{[]int{Unreachable, Other}, Other},
		{[]int{Other, Terminated}, Terminated},
		{[]int{Terminated, Interrupted}, Interrupted},
		{[]int{Unreachable, 99}, Other}, // of no known meaning
	} {
		if got := Worst(c.of...); got != c.want {
			t.Errorf("Worst(%v) = %d, want %d", c.of, got, c.want)
		}
	}
}
