//go:build unix

package guest

import (
	"os/exec"
	"syscall"
)

// shellCommand is a command line of ssh_config, run as ssh runs it.
func shellCommand(text string) *exec.Cmd {
	cmd := exec.Command("/bin/sh", "-c", "exec "+text)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C must not end it before us
	return cmd
}

// endCommand asks a command of shellCommand and its children to end.
func endCommand(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
