package coreutils

func awk(p *proc, args []string) int { return nil1(p, args) }
