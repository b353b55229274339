package node

import (
	"fmt"
	"strings"
)

// Error is a refusal in Proxmox's own words.
type Error struct {
	Status  int               // HTTP status: 400, 403, 500, …
	Message string            // the whole text, without the trailing newline
	Params  map[string]string // per parameter; only with 400
}

// Error is the text as the command line prints it.
func (e *Error) Error() string { return e.Message }

// Reason is the first line: all that fits into an HTTP status line.
func (e *Error) Reason() string {
	line, _, _ := strings.Cut(e.Message, "\n")
	return line
}

// fail is Perl's die: status 500.
func fail(format string, args ...any) *Error {
	return &Error{Status: 500, Message: fmt.Sprintf(format, args...)}
}

// forbid is raise_perm_exc.
func forbid(what string) *Error {
	if what == "" {
		return &Error{Status: 403, Message: "Permission check failed"}
	}
	return &Error{Status: 403, Message: "Permission check failed (" + what + ")"}
}

// BadParams is raise_param_exc: parameters, and the error of each.
func BadParams(params map[string]string) *Error {
	return &Error{Status: 400, Message: "Parameter verification failed.", Params: params}
}

func badParam(key, msg string) *Error { return BadParams(map[string]string{key: msg}) }
