package configmanager

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"path"
	"sort"
	"strings"
)

// MaxDrift bounds how many bytes of DriftScript's output are to be read: the
// guest is not trusted.
const MaxDrift = 16 << 20

// Drift is how a guest differs from what its template says. Files are those of
// the template in the order of their targets, then what it no longer has.
// Packages for managers of other systems are left out.
type Drift struct {
	Files    []FileDrift    `json:"files"`
	Packages []PackageDrift `json:"packages"`
}

// FileDrift is one file. Sums are hex SHA-256; "" where there is none.
type FileDrift struct {
	Target   string    `json:"target"`
	Policy   string    `json:"policy,omitempty"` // "" of what the template no longer has
	State    FileState `json:"state"`
	Wanted   string    `json:"wanted,omitempty"`   // the template's
	Deployed string    `json:"deployed,omitempty"` // what was deployed last
	Actual   string    `json:"actual,omitempty"`   // what the guest has
}

// PackageState is whether a package is there.
type PackageState string

// The states of a package.
const (
	PackageSame         PackageState = "same"
	PackageMissing      PackageState = "missing"
	PackageOtherVersion PackageState = "other version" // than its pin
)

// PackageDrift is one package. Manager is apt, apk, dnf, npm, pip or custom, Spec
// the template's word for it (a custom package's name), Have the version that is
// there, as far as its manager says.
type PackageDrift struct {
	Manager string       `json:"manager"`
	Spec    string       `json:"spec"`
	State   PackageState `json:"state"`
	Have    string       `json:"have,omitempty"`
}

//go:embed drift.sh
var driftText string

// DriftScript is POSIX sh for one remote command that looks at everything that in
// names, with stdin for it, and changes nothing. Its output is for ParseDrift.
// The checks of custom packages are run, each for at most 30 s where the guest
// can bound that. The guest need not have the config-manager.
func DriftScript(in Input) (script string, stdin []byte, err error) {
	var targets bytes.Buffer
	for _, f := range in.Files {
		if err := f.check(); err != nil {
			return "", nil, err
		}
		targets.WriteString(f.Target + "\n")
	}
	list, err := in.packages()
	if err != nil {
		return "", nil, err
	}
	checks := ""
	if len(list) > 0 {
		text, err := embedded.ReadFile("guest/packages.sh")
		if err != nil {
			return "", nil, err
		}
		checks = string(text) + "{\n" + string(list) + "} </dev/null\n"
	}
	return driftText + checks + "echo '== end'\n", targets.Bytes(), nil
}

// errShort is output that does not reach its own end.
var errShort = errors.New("cannot read what the container says about its files: it ends too early")

// ParseDrift reads DriftScript's output for the same Input. Whatever a guest
// says, the result names only the template's files and packages, and as removed
// absolute paths without control characters. It fails where the output was cut
// short, or where a file of in cannot be read.
func ParseDrift(in Input, out []byte) (Drift, error) {
	a, err := readAnswer(out)
	if err != nil {
		return Drift{}, err
	}
	var d Drift
	ours := map[string]bool{}
	for _, f := range in.Files {
		if err := f.check(); err != nil {
			return Drift{}, err
		}
		sum, err := f.sum()
		if err != nil {
			return Drift{}, fmt.Errorf("cannot read the template's file for %s: %w", f.Target, err)
		}
		ours[f.Target] = true
		d.Files = append(d.Files, a.file(f.Target, f.policy(), sum))
	}
	sort.SliceStable(d.Files, byTarget(d.Files))
	var removed []FileDrift
	for target := range a.recorded {
		if ours[target] || path.Clean(target) != target || strings.ContainsFunc(target, isControl) {
			continue
		}
		if f := a.file(target, "", ""); f.State == FileRemoved {
			removed = append(removed, f)
		}
	}
	sort.Slice(removed, byTarget(removed))
	d.Files = append(d.Files, removed...)
	d.Packages = in.packageDrift(a.packages)
	return d, nil
}

func byTarget(files []FileDrift) func(i, j int) bool {
	return func(i, j int) bool { return files[i].Target < files[j].Target }
}

// file compares one target.
func (a answer) file(target, policy, wanted string) FileDrift {
	s := a.seen[target]
	s.wanted, s.recorded, s.pending = wanted, a.recorded[target], a.pending[target]
	s.keptTmpl, s.keptHas = a.kept[target][0], a.kept[target][1]
	return FileDrift{
		Target: target, Policy: policy, State: compare(s),
		Wanted: wanted, Deployed: s.recorded, Actual: s.actual,
	}
}

// packageDrift joins what was said about the packages with their names, in the
// order in which packages lists them.
func (in Input) packageDrift(said map[int]PackageDrift) []PackageDrift {
	var out []PackageDrift
	n := 0
	add := func(manager, spec string) {
		if p, ok := said[n]; ok {
			p.Manager, p.Spec = manager, spec
			out = append(out, p)
		}
		n++
	}
	for _, manager := range in.order() {
		for _, spec := range in.Packages[manager] {
			add(manager, spec)
		}
	}
	for _, c := range in.Custom {
		add("custom", c.Name)
	}
	return out
}
