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

// MaxDrift limits how many bytes of DriftScript's output the caller reads, because a
// guest may send output without end.
const MaxDrift = 16 << 20

// Drift is the difference between a guest and its template. Files lists the template's
// files, sorted by target, and then the files that the template no longer has. Packages
// for the package managers of other systems are left out.
type Drift struct {
	Files    []FileDrift    `json:"files"`
	Folders  []FolderDrift  `json:"folders"`
	Packages []PackageDrift `json:"packages"`
	Services []ServiceDrift `json:"-"` // in the order of Input.Services
}

// FileDrift is the state of one file. Sums are hex SHA-256; "" means none.
type FileDrift struct {
	Target   string    `json:"target"`
	Policy   string    `json:"policy,omitempty"` // "" if the template no longer has the file
	State    FileState `json:"state"`
	Wanted   string    `json:"wanted,omitempty"`   // the sum of the template's version
	Deployed string    `json:"deployed,omitempty"` // the sum that was deployed last
	Actual   string    `json:"actual,omitempty"`   // the sum of the guest's version
}

// PackageState says whether a package is installed.
type PackageState string

// The states of a package.
const (
	PackageSame         PackageState = "same"
	PackageMissing      PackageState = "missing"
	PackageOtherVersion PackageState = "other version" // not the version that the template pins
)

// PackageDrift is the state of one package. Manager is apt, apk, dnf, npm, pip or custom.
// Spec is the package as the template writes it (the name of a custom package). Have is
// the installed version, if the manager reports one.
type PackageDrift struct {
	Manager string       `json:"manager"`
	Spec    string       `json:"spec"`
	State   PackageState `json:"state"`
	Have    string       `json:"have,omitempty"`
}

//go:embed drift.sh
var driftText string

// DriftScript returns POSIX sh, and its stdin, for one remote command that looks at every
// file and package of in and changes nothing. ParseDrift reads its output. The script
// runs the checks of custom packages, each for at most 30 s if the guest has timeout. The
// guest need not have the config-manager.
func DriftScript(in Input) (script string, stdin []byte, err error) {
	var targets bytes.Buffer
	for _, f := range in.Files {
		if err := f.check(); err != nil {
			return "", nil, err
		}
		targets.WriteString(f.Target + "\n")
	}
	for _, f := range in.Folders {
		if err := (File{Target: f.Target}).check(); err != nil {
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
	return driftText + in.services() + checks + "echo '== end'\n", targets.Bytes(), nil
}

// errShort means that the output lacks its last line.
var errShort = errors.New("cannot read what the container says about its files: it ends too early")

// ParseDrift reads the output of DriftScript for the same Input. A guest may print
// anything, so the result names only files and packages of the template. Removed files
// are the exception: their names come from the guest, but only absolute paths without
// control characters are accepted. It fails if the output was cut short, or if a file of
// in cannot be read.
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
	for _, f := range in.Folders {
		d.Folders = append(d.Folders, f.compare(a.seen[f.Target]))
	}
	d.Packages, d.Services = in.packageDrift(a.packages), in.serviceDrift(a.services)
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

// packageDrift combines the guest's answers with the names of the packages. The numbers
// of the answers count the packages in the order in which packages lists them.
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
