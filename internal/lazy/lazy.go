// Package lazy makes values when they are first used. Every command of this tool starts as a
// new process, and most need few of the expressions that its packages know.
package lazy

import (
	"regexp"
	"sync"
)

// Regexp is regexp.MustCompile at the first call. It is safe for concurrent use.
func Regexp(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
