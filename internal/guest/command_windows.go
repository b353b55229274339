package guest

import (
	"os/exec"
	"syscall"
)

// shellCommand is a command line of ssh_config, run by the command processor as the ssh of
// Windows runs it. That reads quotes in its own way, so the text must reach it as written.
func shellCommand(text string) *exec.Cmd {
	cmd := exec.Command("cmd.exe")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		CmdLine:       `cmd.exe /d /s /c "` + text + `"`,
		CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP, // Ctrl-C must not end it before us
	}
	return cmd
}

// endCommand ends a command of shellCommand. Windows has no signal that asks it to.
func endCommand(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
