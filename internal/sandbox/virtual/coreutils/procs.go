package coreutils

import (
	"path"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func procCommands() map[string]kernel.Command {
	return map[string]kernel.Command{
		"sleep": sleep, "kill": kill, "setsid": setsid, "nohup": nohup, "timeout": timeout,
		"env": env, "printenv": printenv, "nice": nice, "chroot": chroot, "xargs": xargs, "ps": ps, "pgrep": pgrep, "pkill": pgrep, "killall": killall, "pidof": pidof,
		"su": su, "runuser": su, "sudo": sudo, "true": yesTrue, "false": func(*proc, []string) int { return 1 }, "yes": yes, "which": which,
		"stty": stty, "mesg": mesg, "clear": clearScreen, "test": test, "[": test,
	}
}

// kill is the program; scripts use the shell's own.
func kill(p *proc, args []string) int {
	if len(args) > 1 && (args[1] == "-l" || args[1] == "-L" || strings.HasPrefix(args[1], "--") && len(args[1]) > 2) {
		return refuse(p, args[1])
	}
	return kernel.Kill(p, p.Stdout, p.Stderr, args)
}

// mesg cannot be asked: nobody sends messages to a terminal here.
func mesg(p *proc, args []string) int {
	if len(args) != 2 || args[1] != "y" && args[1] != "n" {
		if len(args) > 1 {
			return refuse(p, strings.Join(args[1:], " "))
		}
	}
	if p.IsTerminal(0) == nil {
		return 2
	}
	if len(args) == 1 {
		return refuse(p, "mesg without an operand")
	}
	return 0
}

func clearScreen(p *proc, args []string) int {
	if len(args) > 1 {
		return refuse(p, args[1])
	}
	if p.Getenv("TERM") == "" {
		p.Errorf("TERM environment variable not set.")
		return 1
	}
	p.Printf("\x1b[H\x1b[2J\x1b[3J")
	return 0
}

// test is the program; scripts use the shell's own.
func test(p *proc, args []string) int {
	return p.Call(append([]string{"sh", "-c", `"$0" "$@"`, path.Base(args[0])}, args[1:]...)...)
}
