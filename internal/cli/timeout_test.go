package cli

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/exit"
)

func TestNameTimeout(t *testing.T) {
	late := fmt.Errorf("cannot get into the guest: %w", context.DeadlineExceeded)
	for _, tt := range []struct {
		name    string
		timeout time.Duration
		err     error
		want    string
	}{
		{"--timeout is over", time.Second, late, "cannot finish within --timeout 1s: cannot get into the guest"},
		{"another limit is over", 0, late, "cannot finish in time: cannot get into the guest: context deadline exceeded"},
		{"another error", time.Second, errors.New("cannot read"), "cannot read"},
		{"an error with words of its own", time.Second, &exit.Failure{Message: "cannot wait any longer", Err: late}, "cannot wait any longer"},
	} {
		a := &app{global: globalOptions{timeout: tt.timeout}}
		f := exit.Explain(tt.err)
		if a.nameTimeout(f, tt.err); f.Message != tt.want {
			t.Errorf("%s: %q, not %q", tt.name, f.Message, tt.want)
		}
	}
}
