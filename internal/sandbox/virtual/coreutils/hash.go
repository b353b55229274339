package coreutils

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func openssl(p *proc, args []string) int {
	if len(args) > 2 && args[1] == "rand" {
		n, _ := strconv.Atoi(args[len(args)-1])
		b := make([]byte, min(max(n, 0), 1<<20))
		rand.Read(b)
		switch {
		case contains(args, "-hex"):
			p.Printf("%s\n", hex.EncodeToString(b))
		case contains(args, "-base64"):
			p.Printf("%s\n", base64.StdEncoding.EncodeToString(b))
		default:
			return put(p, b, 0)
		}
		return 0
	}
	if len(args) > 1 && args[1] == "version" {
		p.Printf("OpenSSL 3.0.15 3 Sep 2024 (Library: OpenSSL 3.0.15 3 Sep 2024)\n")
		return 0
	}
	p.Errorf("sandbox: openssl %s"+kernel.NotHere, strings.Join(args[1:], " "))
	return 1
}

func hashCommands() map[string]kernel.Command {
	sum := func(f func() hash.Hash) kernel.Command {
		return func(p *proc, args []string) int { return hashFiles(p, args, f) }
	}
	return map[string]kernel.Command{"sha256sum": sum(sha256.New), "sha512sum": sum(sha512.New), "sha1sum": sum(sha1.New), "md5sum": sum(md5.New), "cksum": cksum,
		"gzip": gz, "gunzip": gz, "zcat": gz}
}

func hashFiles(p *proc, args []string, f func() hash.Hash) int {
	o, ok := parse(p, args, "cbt", "check quiet status binary text")
	if !ok {
		return 1
	}
	for _, name := range o.args {
		if strings.ContainsAny(name, "\\\n") {
			return refuse(p, "a name with a backslash or a newline")
		}
	}
	mark := " "
	if o.has("b", "binary") {
		mark = "*"
	}
	if o.has("c", "check") {
		return hashCheck(p, o, f)
	}
	return inputs(p, o.args, func(name string, r io.Reader) error {
		h := f()
		if _, err := io.Copy(h, r); err != nil {
			return err
		}
		p.Printf("%x %s%s\n", h.Sum(nil), mark, name)
		return nil
	})
}

// cksum is POSIX's: a CRC of the bytes and then of their number, without its
// leading zeros, least significant byte first.
func cksum(p *proc, args []string) int {
	o, ok := parse(p, args, "", "")
	if !ok {
		return 1
	}
	return inputs(p, o.args, func(name string, r io.Reader) error {
		var crc uint32
		var size int64
		buf := make([]byte, 32<<10)
		for {
			n, err := r.Read(buf)
			crc, size = posixCRC(crc, buf[:n]), size+int64(n)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
		}
		for n := size; n > 0; n >>= 8 {
			crc = posixCRC(crc, []byte{byte(n)})
		}
		if name == "-" {
			name = ""
		}
		p.Printf("%s\n", strings.TrimRight(fmt.Sprintf("%d %d %s", ^crc, size, name), " "))
		return nil
	})
}

func posixCRC(crc uint32, b []byte) uint32 {
	for _, c := range b {
		crc = crc<<8 ^ crcTable()[byte(crc>>24)^c]
	}
	return crc
}

// crcTable is that of the polynomial 0x04C11DB7, most significant bit first.
var crcTable = sync.OnceValue(func() *[256]uint32 {
	var t [256]uint32
	for i := range t {
		c := uint32(i) << 24
		for range 8 {
			if c&0x80000000 != 0 {
				c = c<<1 ^ 0x04c11db7
			} else {
				c <<= 1
			}
		}
		t[i] = c
	}
	return &t
})

func hashCheck(p *proc, o *options, f func() hash.Hash) int {
	b, st := readAll(p, o.args)
	quiet := o.has("status")
	bad, unread, malformed, good := 0, 0, 0, 0
	for _, l := range lines(b) {
		want, name, ok := strings.Cut(l, " ")
		if !ok || len(want) != 2*f().Size() || strings.Trim(want, "0123456789abcdefABCDEF") != "" || name == "" || name[0] != ' ' && name[0] != '*' {
			malformed++
			continue
		}
		name = name[1:]
		h := f()
		r, err := open(p, name)
		if err == nil {
			_, err = io.Copy(h, r)
			r.Close()
		}
		said := "OK"
		switch {
		case err != nil:
			p.Errorf("%s: %s", name, kernel.Reason(err))
			said = "FAILED open or read"
			unread++
		case !strings.EqualFold(hex.EncodeToString(h.Sum(nil)), want):
			said = "FAILED"
			bad++
		default:
			good++
			if o.has("quiet") {
				continue
			}
		}
		if !quiet {
			p.Printf("%s: %s\n", name, said)
		}
	}
	if bad+unread+good == 0 {
		p.Errorf("no properly formatted checksum lines found")
		return 1
	}
	for what, n := range map[string]int{"improperly formatted lines": malformed, "unread files": unread, "computed checksums that did NOT match": bad} {
		if n > 0 && !quiet {
			p.Errorf("WARNING: %d %s", n, what)
		}
	}
	if bad+unread > 0 {
		return 1
	}
	return st
}
