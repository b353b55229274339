package kernel

import (
	"fmt"
	"strings"
)

// cpuinfo, statText and meminfo are /proc/cpuinfo, /proc/stat and /proc/meminfo
// as lxcfs shows them to a container: its own share, not the host's.
func (m *Machine) cpuinfo() string {
	var b strings.Builder
	for i := range m.CPUs() {
		fmt.Fprintf(&b, "processor\t: %d\nmodel name\t: virtual\n\n", i)
	}
	return b.String()
}

func (m *Machine) statText() string {
	var b strings.Builder
	b.WriteString("cpu  0 0 0 0 0 0 0 0 0 0\n")
	for i := range m.CPUs() {
		fmt.Fprintf(&b, "cpu%d 0 0 0 0 0 0 0 0 0 0\n", i)
	}
	fmt.Fprintf(&b, "btime %d\n", m.booted.Unix())
	return b.String()
}

func (m *Machine) meminfo() string {
	total, used := m.Memory()
	var b strings.Builder
	for _, x := range []struct {
		name string
		n    int64
	}{{"MemTotal", total}, {"MemFree", total - used}, {"MemAvailable", total - used}, {"Buffers", 0}, {"Cached", 0}, {"SwapTotal", m.Swap()}, {"SwapFree", m.Swap()}} {
		fmt.Fprintf(&b, "%-15s %8d kB\n", x.name+":", x.n>>10)
	}
	return b.String()
}
