package pve

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/oci"
)

// CheckSpec returns the faults of a spec that are visible without asking Proxmox. They
// are of the kind Invalid.
func CheckSpec(s lxc.Spec) error {
	if faults := s.Faults(); len(faults) > 0 {
		f := faults[0]
		e := invalid(flagOf(f.Field), f.Value, "it "+f.Reason)
		switch f.In {
		case lxc.InNetworks:
			e.Field, e.Op = "net", fmt.Sprintf("use the %s %q of interface %s", f.Field, f.Value, s.Networks()[f.At].Name)
		case lxc.InMounts, lxc.InDevices:
			e.Field, e.Op = f.In, fmt.Sprintf("use the %s %q of %s %d", f.Field, f.Value, f.In, f.At+1)
		}
		if f.Better != "" {
			e.Hints = append(e.Hints, f.Better)
		}
		return e
	}
	for _, os := range s.OSChoices() {
		if !oci.Is(os) {
			continue
		}
		_, err := oci.Parse(os)
		if wrong := (*oci.Error)(nil); errors.As(err, &wrong) {
			e := &Error{Kind: Invalid, Op: fmt.Sprintf("use the image %q", wrong.Text), Field: "image", Reason: "it " + wrong.Reason}
			if oci.Is(wrong.Better) {
				e.Hints = append(e.Hints, "was "+wrong.Better+" meant?")
			} else if wrong.Better != "" {
				e.Hints = append(e.Hints, wrong.Better)
			}
			return e
		}
	}
	return CheckKeys(s.SSHKeys)
}

// flagOf is the flag that sets a field. The flag of an address sets its gateway, too.
func flagOf(field string) string {
	switch field {
	case "gateway":
		return "ip"
	case "gateway6":
		return "ip6"
	}
	return field
}

func invalid(field, value, reason string) *Error {
	return &Error{Kind: Invalid, Op: fmt.Sprintf("use %s %q", field, value), Field: field, Reason: reason}
}

// CheckKeys checks public keys as lines of authorized_keys, because Proxmox's message
// does not name the faulty one.
func CheckKeys(keys []string) error {
	for _, text := range keys {
		if strings.Contains(text, "PRIVATE KEY") {
			return &Error{Kind: Invalid, Op: "use the SSH key", Field: "ssh-key", Reason: "it is a private key; give the public one (.pub)"}
		}
	}
	for _, line := range keyLines(keys) {
		if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line)); err != nil {
			short := line
			if len(short) > 40 {
				short = short[:40] + "…"
			}
			return invalid("ssh-key", short, "it is no SSH public key: "+strings.TrimPrefix(err.Error(), "ssh: "))
		}
	}
	return nil
}
