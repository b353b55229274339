#!/bin/sh
# golang.org/x/crypto/ssh 0.58.0: the client hides why a server refuses it. An sshd that
# refuses a client sends a message before its version line ("Not allowed at this time",
# "Exceeded MaxStartups"; RFC 4253, 4.2, lets a server send such lines). The client reads them,
# drops them, and reports the same "ssh: handshake failed: EOF" as for a server that sends
# nothing or is no sshd at all.
# A program that must distinguish "busy" from "broken" has to read the connection itself.
#
# Needs Go. Exit status 0: everything is as stated.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'M'
module finding
go 1.25
M
cat >main.go <<'G'
package main

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/crypto/ssh"
)

func main() {
	wrong := false
	for _, greeting := range []string{"Not allowed at this time\r\n", "Exceeded MaxStartups\r\n", "220 mail ready\r\n", ""} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 64)) // the client's version
			c.Write([]byte(greeting))
			c.Close()
		}()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			panic(err)
		}
		_, _, _, err = ssh.NewClientConn(c, "h", &ssh.ClientConfig{HostKeyCallback: ssh.InsecureIgnoreHostKey()})
		fmt.Printf("server: %-32q client: %v\n", greeting, err)
		wrong = wrong || err == nil || err.Error() != "ssh: handshake failed: EOF"
		l.Close()
	}
	if wrong {
		os.Exit(1)
	}
}
G
export GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
go get golang.org/x/crypto@v0.58.0 >/dev/null 2>&1
go run .
