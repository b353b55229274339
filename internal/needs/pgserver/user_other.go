//go:build !linux

package pgserver

import "os/exec"

func identity() (uid, gid int) { return -1, -1 }

func (s *Server) asUser(cmd *exec.Cmd) { cmd.Dir = s.Dir }
