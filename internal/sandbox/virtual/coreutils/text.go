package coreutils

import (
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func textCommands() map[string]kernel.Command {
	return map[string]kernel.Command{
		"echo": echo, "printf": printf, "head": head, "tail": tail, "wc": wc, "sort": sortCmd, "uniq": uniq, "cut": cut, "tr": tr, "sed": sed,
		"grep": grep, "egrep": grep, "fgrep": grep, "seq": seq, "od": od, "base64": b64, "rev": rev, "tac": tac, "cmp": cmp, "diff": diff,
		"paste": paste, "expr": expr, "awk": awk,
	}
}
