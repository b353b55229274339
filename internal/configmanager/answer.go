package configmanager

import (
	"bytes"
	"strconv"
	"strings"
)

// answer holds the parsed output of DriftScript.
type answer struct {
	seen     map[string]seen
	recorded map[string]string
	pending  map[string][]string
	kept     map[string][2]string // the sums of the template's file and of the guest's
	packages map[int]PackageDrift
	services map[int]ServiceDrift
}

// maxHave is the number of bytes of a version that are shown.
const maxHave = 100

// readAnswer reads the sections one by one. It skips every line that it does not
// understand, because a guest may print anything.
func readAnswer(out []byte) (answer, error) {
	a := answer{
		seen: map[string]seen{}, recorded: map[string]string{}, pending: map[string][]string{},
		kept: map[string][2]string{}, packages: map[int]PackageDrift{}, services: map[int]ServiceDrift{},
	}
	if len(out) > MaxDrift {
		out = out[:MaxDrift]
	}
	readers := map[string]func(line string){
		"files": a.readFile, "recorded": a.readRecord, "pending": a.readPending, "kept": a.readKept, "packages": a.readPackage, "units": a.readUnit,
	}
	read := func(string) {}
	for l := range bytes.Lines(out) {
		line, whole := strings.CutSuffix(string(l), "\n")
		section, ok := strings.CutPrefix(line, "== ")
		switch {
		case !whole:
			return a, errShort
		case ok && section == "end":
			return a, nil
		case ok && readers[section] != nil:
			read = readers[section]
		default:
			read(line)
		}
	}
	return a, errShort
}

// readFile reads a line of sha256sum, or a line that drift.sh prints for a target without
// a sum.
func (a answer) readFile(line string) {
	if rest, ok := strings.CutPrefix(line, "D "); ok {
		if of, target, ok := readAttributes(rest); ok {
			a.seen[target] = seen{there: other, folder: &of}
		}
		return
	}
	kinds := map[string]presence{"M ": absent, "S ": other, "L ": regular}
	if len(line) > 2 && kinds[line[:2]] != unknown {
		a.seen[line[2:]] = seen{there: kinds[line[:2]]}
		return
	}
	name := func(s string) string { return s }
	if rest, escaped := strings.CutPrefix(line, `\`); escaped {
		line, name = rest, strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r").Replace
	}
	if sum, target, ok := record(line); ok {
		a.seen[name(target)] = seen{there: regular, actual: sum}
	}
}

// record parses a line "SHA256  /TARGET".
func record(line string) (sum, target string, ok bool) {
	sum, target, ok = strings.Cut(line, "  ")
	return sum, target, ok && isSum(sum) && strings.HasPrefix(target, "/")
}

func (a answer) readRecord(line string) {
	if sum, target, ok := record(line); ok && a.recorded[target] == "" {
		a.recorded[target] = sum
	}
}

func (a answer) readPending(line string) {
	if sum, target, ok := record(line); ok {
		a.pending[target] = append(a.pending[target], sum)
	}
}

func (a answer) readKept(line string) {
	tmpl, rest, _ := strings.Cut(line, " ")
	has, target, ok := strings.Cut(rest, "  ")
	if ok && isSum(tmpl) && (has == "-" || isSum(has)) && strings.HasPrefix(target, "/") {
		a.kept[target] = [2]string{tmpl, has}
	}
}

// readUnit reads a line "U NUMBER KEY=VALUE…".
func (a answer) readUnit(line string) {
	f := strings.Fields(line)
	if len(f) < 2 || f[0] != "U" {
		return
	}
	n, err := strconv.Atoi(f[1])
	if err != nil {
		return
	}
	s := ServiceDrift{}
	for _, pair := range f[2:] {
		switch key, value, _ := strings.Cut(pair, "="); key {
		case "LoadState":
			s.Load = shown(value)
		case "ActiveState":
			s.Active = shown(value)
		case "UnitFileState":
			s.File = shown(value)
		}
	}
	a.services[n] = s
}

// readPackage reads a line "P NUMBER STATE [VERSION]".
func (a answer) readPackage(line string) {
	f := strings.SplitN(line, " ", 4)
	if len(f) < 3 || f[0] != "P" {
		return
	}
	n, err := strconv.Atoi(f[1])
	states := map[string]PackageState{"same": PackageSame, "missing": PackageMissing, "other": PackageOtherVersion}
	state, ok := states[f[2]]
	if err != nil || !ok {
		return
	}
	p := PackageDrift{State: state}
	if len(f) == 4 {
		p.Have = shown(f[3])
	}
	a.packages[n] = p
}

// shown returns a version without the bytes that could disturb a terminal.
func shown(s string) string {
	s = strings.Map(func(c rune) rune {
		if c <= ' ' || c > '~' {
			return -1
		}
		return c
	}, s)
	return s[:min(len(s), maxHave)]
}
