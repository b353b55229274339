package system

import (
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// A package that installs must have a program that runs. A package of no program, such as
// tzdata, is fine.
func TestPackagesHavePrograms(t *testing.T) {
	have := Commands()
	for _, shell := range kernel.Shells {
		have[shell] = nil
	}
	for name, programs := range Packages() {
		runs := len(programs) == 0 || name == "busybox" || name == "busybox-static" // templates copy the file
		for _, p := range programs {
			_, ok := have[p]
			runs = runs || ok || p == "killall" || p == "sudo"
		}
		if !runs {
			t.Errorf("%s installs, but none of %v can run", name, programs)
		}
	}
}
