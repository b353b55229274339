package configmanager

// Helper is one of the functions that setup scripts find in their shell, for help and
// documentation.
type Helper struct {
	Name    string
	Usage   string // its arguments
	Text    string
	Example string // a line of a script
}

// Helpers lists the public functions of helpers.sh. A test compares the list with the file.
func Helpers() []Helper {
	return []Helper{
		{"log_info", "TEXT…", "Print a line with the time and INFO.", `log_info "the database is ready"`},
		{"log_warn", "TEXT…", "The same with WARNING.", `log_warn "no swap: builds may fail"`},
		{"log_error", "TEXT…", "The same with ERROR. It does not end the script.", `log_error "no license key"; exit 1`},
		{"is_installed", "COMMAND", "Succeed if there is such a command.", `is_installed docker || curl -fsSL https://get.docker.com | sh`},
		{"ensure_installed", "PACKAGE…", "Install the packages that are missing, with apt, apk, dnf or yum. It waits for other users of apt and finishes an interrupted dpkg first.", `ensure_installed nginx curl`},
		{"wait_for_apt_lock", "[SECONDS]", "Wait until no other process uses apt or dpkg, for at most 120 s. Of use before your own apt-get.", `wait_for_apt_lock 300`},
		{"run_as_user", "COMMAND ARG…", "Run a command as $CONTAINER_USER, with that user's home and PATH.", `run_as_user git clone https://git.example.org/app.git`},
		{"generate_password", "[LENGTH]", "Print random letters and digits, 16 by default.", `password=$(generate_password 24)`},
		{"save_credential", "[SERVICE] KEY VALUE", "Keep KEY=VALUE in /etc/infrahaus/credentials/SERVICE, by default the template's name. The value is hidden in all output from then on and sealed in the catalogue. VALUE may have several lines; - stands for all of stdin.", `save_credential app PASSWORD "$password"`},
	}
}

// ScriptVariable is a variable in the environment of setup scripts.
type ScriptVariable struct{ Name, Text, Example string }

// ScriptVariables lists what setup scripts find in their environment, beside the template's
// own variables. A test compares the list with the code that sets them.
func ScriptVariables() []ScriptVariable {
	return []ScriptVariable{
		{"INFRAHAUS_VAR_NAME", "The template's variable name, in upper case; it is $name, too.", "$INFRAHAUS_VAR_DB_NAME"},
		{"INFRAHAUS_ADDRESS", "The container's address, if it has one.", "192.0.2.20"},
		{"INFRAHAUS_CTID", "The container's id in Proxmox.", "101"},
		{"INFRAHAUS_HELPERS", "The file with the functions below, for interpreters that are no sh.", HelpersPath},
		{"INFRAHAUS_TRY", "Which try of this script it is; not set at the first.", "2"},
		{"INFRAHAUS_ATTEMPT", "The folder of this try. It is infrahaus's own.", RunsDir + "/…"},
		{"TEMPLATE_NAME", "The template's name.", "nginx"},
		{"CONTAINER_ID", "The id of the container's record.", "01KB9Q6P0S4M3T8V5W7X2Y1Z0A"},
		{"CONTAINER_OS", "ID of /etc/os-release.", "debian"},
		{"CONTAINER_OS_VERSION", "VERSION_ID of /etc/os-release.", "12"},
		{"CONTAINER_USER", "CONFIG_CONTAINER_USER, else the first user with an id from 1000 on, else empty.", "alice"},
		{"_PKG_MGR", "The package manager: apt, apk, dnf, yum or unknown.", "apt"},
		{"CONFIG_MANAGER_FIRST_RUN", "true until the first sync has ended well.", "true"},
		{"CONFIG_MANAGER_VERSION", "The version of the config-manager's interface.", "1.0.0"},
		{"CONFIG_MANAGER_ROOT", "The checkout of CONFIG_REPO_URL.", "/opt/config-manager/repo"},
		{"CONFIG_MANAGER_LOG", "The log of the config-manager.", LogPath},
		{"REPO_DIR", "The same as CONFIG_MANAGER_ROOT.", "/opt/config-manager/repo"},
		{"DEBIAN_FRONTEND", "noninteractive, so that apt asks nothing.", "noninteractive"},
		{"LC_ALL", "C, so that programs speak one language.", "C"},
		{"LANG", "C.UTF-8.", "C.UTF-8"},
		{"USER", "The script's user if the template names one; not set otherwise.", "app"},
		{"LOGNAME", "The same as USER.", "app"},
		{"SHELL", "The login shell of that user; not set otherwise.", "/bin/sh"},
		{"PATH", "With /usr/local/sbin, /usr/sbin and /sbin.", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
	}
}
