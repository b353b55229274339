// Package configmanager builds the part of the tool that runs inside a guest: the
// config-manager with its settings, units and helper functions, and a template's files
// and packages in the form that the config-manager applies. All of it is POSIX sh that
// needs neither bash, python, curl nor sudo. The package builds text and lists of files;
// it must not know how they get into the guest.
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

// Paths in the guest. The first five are public: scripts and users rely on them.
const (
	ConfigPath      = "/etc/config-manager/config.env"
	SyncPath        = "/usr/local/bin/config-sync.sh"
	UnitPath        = "/etc/systemd/system/config-manager.service"
	CredentialsDir  = "/etc/infrahaus/credentials"
	StateDir        = "/var/lib/config-manager"
	LogPath         = "/var/log/config-manager/sync.log"
	LibDir          = "/usr/local/lib/config-manager"
	HelpersPath     = LibDir + "/helpers.sh"
	RunsDir         = StateDir + "/runs" // the folders of the attempts, grouped by run
	DefaultTimeout  = 300 * time.Second  // for the installation of a custom package; the original has the same limit
	filesInOneGroup = 100
)

// StagingDir returns a new folder to ship Bundle's files to. Its name cannot be guessed,
// and only root can read StateDir above it. The config-manager applies the files from
// there. If a run dies before that, a later sync removes the folder.
func StagingDir() string {
	return StateDir + "/staged." + strings.ToLower(rand.Text()[:12])
}

// StageEnv is the variable that names the staging folder for SyncScript's attempt.
func StageEnv(dir string) string { return "INFRAHAUS_STAGE=" + dir }

// Exit statuses of config-sync.sh. The original has the same.
const (
	StatusGeneral  = 1
	StatusLock     = 2 // another sync is running
	StatusConfig   = 3 // config.env or the request is unusable
	StatusGit      = 4 // the repository cannot be reached, and there is no copy of it
	StatusConflict = 5 // an edited file, or a folder, is in the place of a file
)

// Input is the wanted state of a guest.
type Input struct {
	Template     string
	RecordID     string
	RepoURL      string // CONFIG_REPO_URL; "" means none
	Branch       string // "" means main
	ConfigPath   string // folder in the repository; "" means the template's name
	SyncOnBoot   bool   // apply again at boot; otherwise boot only records drift
	Later        bool   // the guest is in use, so files that we did not deploy may be the user's
	Folders      []Folder
	Notifies     bool // something depends on a file or a package
	Files        []File
	Services     []Service
	Packages     map[string][]string // package names by manager: apt, apk, dnf, npm, pip
	Custom       []CustomPackage
	PackageOrder []string // nil means apt, apk, dnf, npm, pip
}

//go:embed guest
var embedded embed.FS

// Bundle returns all files that one stream ships into a StagingDir. InstallScript must
// run there afterwards.
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

// configEnv returns the text of config.env, which a shell sources.
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

// InstallScript is POSIX sh that runs in the staging folder after Bundle's files arrived.
// It moves the config-manager into place and enables it. It may run again without harm.
func InstallScript() string { return installText }

// SyncScript is POSIX sh that runs as an attempt (INFRAHAUS_ATTEMPT is its folder), with
// StageEnv in its environment. It asks the service of the config-manager to sync the
// shipped files, and ends with the service's exit status. If a file is in conflict
// (StatusConflict), the sync changes nothing.
func SyncScript() string { return syncText }

// SettleScript is POSIX sh that puts files into place which waited for their user, as far as
// that user exists by now. ParseWaiting reads its output. It may run again without harm, and
// costs nothing in a guest where no file waits.
func SettleScript() string {
	return "[ ! -d " + StateDir + "/waiting ] || sh " + SyncPath + " settle"
}
