package ui

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrNoTerminal is the error for a question that cannot be asked.
var ErrNoTerminal = errors.New("cannot ask without a terminal")

// Confirm asks a yes-or-no question on the terminal; only "y" and "yes" mean yes. Without
// a terminal on stdin and stderr it returns ErrNoTerminal.
func Confirm(ctx context.Context, s *Streams, question string) (bool, error) {
	if !s.InTTY || !s.ErrTTY && !s.ErrDumb {
		return false, ErrNoTerminal
	}
	if _, err := fmt.Fprintf(s.Err, "%s [y/N] ", Clean(question)); err != nil {
		return false, err
	}
	answer := make(chan string, 1)
	go func() { // reading a terminal cannot be cancelled, so the goroutine stays until the process ends
		line, _ := bufio.NewReader(s.In).ReadString('\n')
		answer <- line
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(s.Err)
		return false, ctx.Err()
	case line := <-answer:
		line = strings.ToLower(strings.TrimSpace(line))
		return line == "y" || line == "yes", nil
	}
}
