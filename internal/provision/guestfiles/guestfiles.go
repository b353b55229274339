// Package guestfiles is what the tool puts into a guest: the config-manager
// with its settings, units and helper functions, and a template's files and
// packages in the form in which the config-manager applies them. All of it is
// POSIX sh that needs neither bash, python, curl nor sudo. The package builds
// text and file lists; it must not know how they get into the guest.
package guestfiles

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/guest"
)

// Places in the guest. The first five are the contract's, section 9.
const (
	ConfigPath      = "/etc/config-manager/config.env"
	SyncPath        = "/usr/local/bin/config-sync.sh"
	UnitPath        = "/etc/systemd/system/config-manager.service"
	CredentialsDir  = "/etc/infrahaus/credentials"
	StateDir        = "/var/lib/config-manager"
	LogPath         = "/var/log/config-manager/sync.log"
	LibDir          = "/usr/local/lib/config-manager"
	HelpersPath     = LibDir + "/helpers.sh"
	RunsDir         = StateDir + "/runs"   // attempts, by run
	StagingDir      = StateDir + "/staged" // where Bundle's files are to be shipped
	DefaultTimeout  = 300 * time.Second    // of a custom package, as in the original
	filesInOneGroup = 100
)

// Exit statuses of config-sync.sh, those of the original.
const (
	StatusGeneral  = 1
	StatusLock     = 2 // another sync runs
	StatusConfig   = 3 // config.env or the request cannot be used
	StatusGit      = 4 // the repository cannot be reached and was never cloned
	StatusConflict = 5 // an edited file, or a folder, is where a file should go
)

// Input is what a guest is to become.
type Input struct {
	Template     string
	RecordID     string
	RepoURL      string // CONFIG_REPO_URL; "": none
	Branch       string // "": main
	ConfigPath   string // folder in the repository; "": the template's name
	SyncOnBoot   bool   // apply again at boot, instead of recording drift alone
	Files        []File
	Packages     map[string][]string // names by manager: apt, apk, dnf, npm, pip
	Custom       []CustomPackage
	PackageOrder []string // nil: apt, apk, dnf, npm, pip
}

// File is one file of a template. Open is used where it is not nil, and Size
// with it.
type File struct {
	Target  string // absolute
	Policy  string // replace, default or backup; "": replace
	Mode    fs.FileMode
	Owner   string // user or user:group; "": the owner of the target's folder
	SHA256  string // hex; "": Bundle reads the file once more to know it
	Content []byte
	Open    func() (io.ReadCloser, error)
	Size    int64
}

// CustomPackage is installed by a command of its own.
type CustomPackage struct {
	Name    string
	Check   string // exit 0: it is there
	Install string
	Timeout time.Duration // 0: DefaultTimeout
}

//go:embed guest
var embedded embed.FS

// Bundle is everything to ship into StagingDir in one stream; InstallScript is
// to be run there afterwards.
func Bundle(in Input) ([]guest.File, error) {
	files := []guest.File{{Path: "tool/config.env", Mode: 0o600, Content: []byte(in.configEnv())}}
	tools, err := fs.ReadDir(embedded, "guest")
	if err != nil {
		return nil, err
	}
	for _, t := range tools {
		data, err := fs.ReadFile(embedded, "guest/"+t.Name())
		if err != nil {
			return nil, err
		}
		mode := fs.FileMode(0o644)
		if t.Name() == "config-sync.sh" || t.Name() == "config-manager.openrc" {
			mode = 0o755
		}
		files = append(files, guest.File{Path: "tool/" + t.Name(), Mode: mode, Content: data})
	}
	manifest, contents, err := in.manifest()
	if err != nil {
		return nil, err
	}
	packages, err := in.packages()
	if err != nil {
		return nil, err
	}
	files = append(files,
		guest.File{Path: "manifest", Mode: 0o600, Content: manifest},
		guest.File{Path: "packages", Mode: 0o600, Content: packages})
	return append(files, contents...), nil
}

// configEnv is config.env, which is read by sh.
func (in Input) configEnv() string {
	branch, confPath := in.Branch, in.ConfigPath
	if branch == "" {
		branch = "main"
	}
	if confPath == "" {
		confPath = in.Template
	}
	var b strings.Builder
	for _, kv := range [][2]string{
		{"CONFIG_REPO_URL", in.RepoURL}, {"CONFIG_BRANCH", branch}, {"CONFIG_PATH", confPath},
		{"TEMPLATE_NAME", in.Template}, {"CONTAINER_ID", in.RecordID}, {"SYNC_ON_BOOT", fmt.Sprint(in.SyncOnBoot)},
	} {
		v := strings.Map(func(c rune) rune {
			if c == '\n' || c == '\r' {
				return -1
			}
			return c
		}, kv[1])
		if v != "" {
			v = guest.Quote(v)
		}
		fmt.Fprintf(&b, "%s=%s\n", kv[0], v)
	}
	return b.String()
}

// manifest is a sh program of `group FOLDER OWNER POLICY SHA256 NAME …` calls,
// which read far quicker than lines of text would, and the contents beside it.
func (in Input) manifest() ([]byte, []guest.File, error) {
	files := slices.Clone(in.Files)
	slices.SortStableFunc(files, func(a, b File) int {
		if c := strings.Compare(path.Dir(a.Target), path.Dir(b.Target)); c != 0 {
			return c
		}
		return strings.Compare(a.Owner, b.Owner)
	})
	var m bytes.Buffer
	var contents []guest.File
	seen := map[string]bool{}
	key, n := "", 0
	for _, f := range files {
		if err := f.check(); err != nil {
			return nil, nil, err
		}
		if seen[f.Target] {
			return nil, nil, fmt.Errorf("cannot deploy %s twice", f.Target)
		}
		seen[f.Target] = true
		sum, err := f.sum()
		if err != nil {
			return nil, nil, err
		}
		dir, name := path.Split(f.Target)
		if k := dir + "\x00" + f.Owner; k != key || n == filesInOneGroup {
			key, n = k, 0
			fmt.Fprintf(&m, "\ngroup %s %s", guest.Quote(strings.TrimSuffix(dir, "/")), guest.Quote(f.Owner))
		}
		n++
		fmt.Fprintf(&m, " %s %s %s", f.policy(), sum, guest.Quote(name))
		contents = append(contents, guest.File{
			Path: "root" + f.Target, Mode: f.Mode.Perm(), Content: f.Content, Open: f.Open, Size: f.Size,
		})
	}
	m.WriteByte('\n')
	return m.Bytes(), contents, nil
}

func (f File) policy() string {
	if f.Policy == "" {
		return "replace"
	}
	return f.Policy
}

// check refuses what the template's parser refuses too: nothing here relies on
// who called.
func (f File) check() error {
	if !path.IsAbs(f.Target) || path.Clean(f.Target) != f.Target || f.Target == "/" {
		return fmt.Errorf("cannot deploy to %q: not an absolute, clean path", f.Target)
	}
	if strings.ContainsFunc(f.Target, isControl) {
		return fmt.Errorf("cannot deploy to %q: control characters in the path", f.Target)
	}
	if !slices.Contains([]string{"replace", "default", "backup"}, f.policy()) {
		return fmt.Errorf("cannot deploy %s: unknown policy %q", f.Target, f.Policy)
	}
	if strings.HasPrefix(f.Owner, "-") || strings.ContainsFunc(f.Owner, isControl) || strings.Contains(f.Owner, " ") {
		return fmt.Errorf("cannot deploy %s: bad owner %q", f.Target, f.Owner)
	}
	return nil
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }

func (f File) sum() (string, error) {
	if f.SHA256 != "" {
		return guest.Quote(f.SHA256), nil
	}
	h := sha256.New()
	if f.Open == nil {
		h.Write(f.Content)
		return hex.EncodeToString(h.Sum(nil)), nil
	}
	r, err := f.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// packages is a sh program of `packages MANAGER SPEC …` and `custom …` calls.
func (in Input) packages() ([]byte, error) {
	var b bytes.Buffer
	order := in.PackageOrder
	if order == nil {
		order = []string{"apt", "apk", "dnf", "npm", "pip"}
	}
	for _, manager := range order {
		specs := in.Packages[manager]
		if len(specs) == 0 {
			continue
		}
		b.WriteString("packages " + manager)
		for _, s := range specs {
			if s == "" || s[0] == '-' || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
				return nil, fmt.Errorf("cannot install %s package %q: not a package name", manager, s)
			}
			b.WriteString(" " + guest.Quote(s))
		}
		b.WriteByte('\n')
	}
	for manager, specs := range in.Packages {
		if len(specs) > 0 && !slices.Contains(order, manager) {
			return nil, fmt.Errorf("cannot install packages with %q: unknown package manager", manager)
		}
	}
	for _, c := range in.Custom {
		timeout := c.Timeout
		if timeout <= 0 {
			timeout = DefaultTimeout
		}
		fmt.Fprintf(&b, "custom %s %d %s %s\n", guest.Quote(c.Name), int((timeout+time.Second-1)/time.Second),
			guest.Quote(c.Check), guest.Quote(c.Install))
	}
	return b.Bytes(), nil
}

//go:embed install.sh
var installText string

//go:embed sync.sh
var syncText string

// InstallScript is POSIX sh, run in StagingDir once Bundle's files are there: it
// moves the config-manager into place and enables it. Running it again is no
// harm.
func InstallScript() string { return installText }

// SyncScript is POSIX sh, run as an attempt (INFRAHAUS_ATTEMPT is its folder):
// it asks the config-manager's service for a sync of what is in StagingDir and
// ends with its exit status.
func SyncScript() string { return syncText }
