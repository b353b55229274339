package lxcguest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// rootfs writes into a guest that does not run. os.Root keeps every path
// inside, whatever links the OS template has.
type rootfs struct {
	*os.Root
	owner int // the guest's root on the machine
}

func (r rootfs) write(name, text string, mode os.FileMode) error {
	if err := r.mkdir(path.Dir(name), 0o755); err != nil {
		return err
	}
	if err := r.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := r.WriteFile(name, []byte(text), mode); err != nil {
		return err
	}
	return errors.Join(r.Chmod(name, mode), r.Lchown(name, r.owner, r.owner))
}

func (r rootfs) mkdir(dir string, mode os.FileMode) error {
	if dir == "." {
		return nil
	}
	if _, err := r.Stat(dir); err == nil {
		return nil
	}
	if err := r.mkdir(path.Dir(dir), 0o755); err != nil {
		return err
	}
	return errors.Join(r.Mkdir(dir, mode), r.Lchown(dir, r.owner, r.owner))
}

// setup is Proxmox's post_create_hook: host name, network, root's password and
// keys, SSH host keys.
func setup(ctx context.Context, dir string, owner int, c driver.Config, s driver.Secrets, ns []string, log func(string)) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	r := rootfs{root, owner}
	if err := configure(r, c, ns); err != nil {
		return err
	}
	if _, err := r.Stat("usr/sbin/chpasswd"); errors.Is(err, fs.ErrNotExist) {
		err = imagePassword(ctx, r, s.RootPassword)
		if err != nil {
			return err
		}
	} else if err := setPassword(ctx, dir, owner, s.RootPassword); err != nil {
		return err
	}
	if len(s.SSHKeys) > 0 {
		if err := r.mkdir("root/.ssh", 0o700); err != nil {
			return err
		}
		if err := r.write("root/.ssh/authorized_keys", strings.Join(s.SSHKeys, "\n")+"\n", 0o600); err != nil {
			return err
		}
	}
	return hostKeys(r, c.Hostname, log)
}

// configure writes what follows the container's config; Proxmox does so before
// every start.
func configure(r rootfs, c driver.Config, ns []string) error {
	if len(c.Nameservers) > 0 {
		ns = c.Nameservers
	}
	for _, f := range []struct{ name, text string }{
		{"etc/hostname", c.Hostname + "\n"},
		{"etc/hosts", hostsFile(c)},
		{"etc/network/interfaces", interfacesFile(c.Interfaces)},
		{"etc/resolv.conf", resolvConf(ns)},
	} {
		if err := r.write(f.name, f.text, 0o644); err != nil {
			return err
		}
	}
	return gettys(r, c)
}

// setPassword leaves the hashing to the guest's own chpasswd. Without a
// password root stays locked, as on Proxmox; a crypt text is taken as it is.
func setPassword(ctx context.Context, dir string, owner int, password string) error {
	if password == "" {
		return nil
	}
	args := []string{"-c", "SHA512"}
	if isCrypt(password) {
		args = []string{"-e"}
	}
	cmd := exec.CommandContext(ctx, "/usr/sbin/chpasswd", args...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Dir = "/"
	cmd.Stdin = strings.NewReader("root:" + password + "\n")
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir, Pdeathsig: syscall.SIGKILL}
	if owner != 0 {
		inUserNamespace(cmd)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot set root's password: %w: %s", err, firstLine(out))
	}
	return nil
}

// isCrypt is Proxmox's own test (Setup/Base.pm).
func isCrypt(s string) bool {
	for _, p := range []string{"$1$", "$2a$", "$2b$", "$5$", "$6$", "$y$"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// hostKeys gives the guest SSH host keys of its own, if it has an sshd at all,
// and says so in Proxmox's words.
func hostKeys(r rootfs, hostname string, log func(string)) error {
	if _, err := r.Stat("etc/ssh"); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	comment := "root@" + hostname
	for _, kind := range []string{"ed25519", "rsa", "ecdsa"} {
		name := "ssh_host_" + kind + "_key"
		log("Creating SSH host key '" + name + "' - this may take some time ...")
		private, public, err := newKey(kind, comment)
		if err != nil {
			return err
		}
		text := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))) + " " + comment + "\n"
		if err := errors.Join(r.write("etc/ssh/"+name, string(private), 0o600), r.write("etc/ssh/"+name+".pub", text, 0o644)); err != nil {
			return err
		}
		log("done: " + ssh.FingerprintSHA256(public) + " " + comment)
	}
	return nil
}

func newKey(kind, comment string) ([]byte, ssh.PublicKey, error) {
	var signer crypto.Signer
	var err error
	switch kind {
	case "ed25519":
		_, signer, err = ed25519.GenerateKey(rand.Reader)
	case "ecdsa":
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		signer, err = rsa.GenerateKey(rand.Reader, 3072)
	}
	if err != nil {
		return nil, nil, err
	}
	block, err := ssh.MarshalPrivateKey(signer, comment)
	if err != nil {
		return nil, nil, err
	}
	public, err := ssh.NewPublicKey(signer.Public())
	return pem.EncodeToMemory(block), public, err
}
