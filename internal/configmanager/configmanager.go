// Package configmanager is what the tool puts into a guest: the config-manager
// with its settings, units and helper functions, and a template's files and
// packages in the form in which the config-manager applies them. All of it is
// POSIX sh that needs neither bash, python, curl nor sudo. The package builds
// text and file lists; it must not know how they get into the guest.
package configmanager

import (
	"crypto/rand"
	"embed"
	"fmt"
	"io/fs"
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
	RunsDir         = StateDir + "/runs" // attempts, by run
	DefaultTimeout  = 300 * time.Second  // of a custom package, as in the original
	filesInOneGroup = 100
)

// StagingDir is a new place to ship Bundle's files to: nobody can guess it, and it
// lies in StateDir, which is root's alone. The config-manager takes what was
// shipped from there; a folder that nobody came back to is removed by a later sync.
func StagingDir() string {
	return StateDir + "/staged." + strings.ToLower(rand.Text()[:12])
}

// StageEnv names the staging folder to SyncScript's attempt.
func StageEnv(dir string) string { return "INFRAHAUS_STAGE=" + dir }

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
	Later        bool   // the guest has been used: what is there and was not deployed may be the user's
	Files        []File
	Packages     map[string][]string // names by manager: apt, apk, dnf, npm, pip
	Custom       []CustomPackage
	PackageOrder []string // nil: apt, apk, dnf, npm, pip
}

//go:embed guest
var embedded embed.FS

// Bundle is everything to ship into a StagingDir in one stream; InstallScript is
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

//go:embed install.sh
var installText string

//go:embed sync.sh
var syncText string

// InstallScript is POSIX sh, run in the staging folder once Bundle's files are there: it
// moves the config-manager into place and enables it. Running it again is no
// harm.
func InstallScript() string { return installText }

// SyncScript is POSIX sh, run as an attempt (INFRAHAUS_ATTEMPT is its folder)
// with StageEnv of the staging folder in its environment: it asks the
// config-manager's service for a sync of what is there and ends with its exit
// status. A file in conflict (StatusConflict) leaves everything as it was.
func SyncScript() string { return syncText }
