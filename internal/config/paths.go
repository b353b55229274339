package config

import (
	"path/filepath"
)

// Paths are the places where the tool keeps its files, by the XDG rules.
type Paths struct {
	ConfigDir string // $XDG_CONFIG_HOME/infrahaus
	StateDir  string // --state-dir, INFRAHAUS_STATE_DIR, $XDG_STATE_HOME/infrahaus
	CacheDir  string // $XDG_CACHE_HOME/infrahaus
	Home      string
}

// Fetched is the cache of templates from elsewhere.
func (p Paths) Fetched() string { return filepath.Join(p.CacheDir, "templates") }

// ConfigFile is the path of the config unless --config gives another.
func (p Paths) ConfigFile() string { return filepath.Join(p.ConfigDir, "config.yaml") }

// KeyFile holds the key of the vault, apart from the database.
func (p Paths) KeyFile() string { return filepath.Join(p.ConfigDir, "key") }

// Templates is the folder of the user's own templates.
func (p Paths) Templates() string { return filepath.Join(p.ConfigDir, "templates") }

// SSHKey is the tool's own ed25519 key.
func (p Paths) SSHKey() string { return filepath.Join(p.ConfigDir, "id_ed25519") }

// Database is the catalogue.
func (p Paths) Database() string { return filepath.Join(p.StateDir, "infrahaus.db") }

// Logs is the folder of the runs' log files.
func (p Paths) Logs() string { return filepath.Join(p.StateDir, "runs") }

// Sandbox is the embedded sandbox's folder. Nothing else is kept in it.
func (p Paths) Sandbox() string { return filepath.Join(p.StateDir, "sandbox") }

func paths(o Overrides) (Paths, error) {
	p := Paths{Home: o.Getenv("HOME")}
	dir := func(xdg, fallback string) (string, error) {
		// The XDG rules say that a relative path must be ignored.
		if d := o.Getenv(xdg); filepath.IsAbs(d) {
			return filepath.Join(d, "infrahaus"), nil
		}
		if p.Home == "" {
			return "", &Error{Text: "cannot find a home folder: neither " + xdg + " nor HOME is set", Next: "set HOME, or XDG_CONFIG_HOME and XDG_STATE_HOME to absolute paths"}
		}
		return filepath.Join(p.Home, fallback, "infrahaus"), nil
	}
	var err error
	if p.ConfigDir, err = dir("XDG_CONFIG_HOME", ".config"); err != nil {
		return p, err
	}
	switch {
	case o.StateDir != "":
		p.StateDir = o.StateDir
	case o.Getenv("INFRAHAUS_STATE_DIR") != "":
		p.StateDir = o.Getenv("INFRAHAUS_STATE_DIR")
	default:
		p.StateDir, err = dir("XDG_STATE_HOME", ".local/state")
	}
	if err != nil {
		return p, err
	}
	if p.StateDir, err = filepath.Abs(p.StateDir); err != nil {
		return p, &Error{Text: "cannot find the state folder: " + err.Error()}
	}
	if p.CacheDir, err = dir("XDG_CACHE_HOME", ".cache"); err != nil {
		p.CacheDir = filepath.Join(p.StateDir, "cache") // without a home, this folder is given
	}
	return p, nil
}
