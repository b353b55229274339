package coreutils

import (
	"path"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func procCommands() map[string]kernel.Command {
	return map[string]kernel.Command{
		"sleep": sleep, "kill": func(p *proc, a []string) int { return kernel.Kill(p, p.Stdout, p.Stderr, a) }, "setsid": setsid, "nohup": nohup, "timeout": timeout,
		"env": env, "printenv": printenv, "nice": nice, "chroot": chroot, "xargs": xargs, "ps": ps, "pgrep": pgrep, "pkill": pgrep, "killall": killall, "pidof": pidof,
		"su": su, "runuser": su, "sudo": sudo, "true": yesTrue, "false": func(*proc, []string) int { return 1 }, "yes": yes, "which": which,
		"stty": stty, "mesg": yesTrue, "clear": yesTrue, "test": test, "[": test,
	}
}

// test is the program; scripts use the shell's own.
func test(p *proc, args []string) int {
	return p.Call(append([]string{"sh", "-c", `"$0" "$@"`, path.Base(args[0])}, args[1:]...)...)
}
