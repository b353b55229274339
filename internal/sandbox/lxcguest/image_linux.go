package lxcguest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/oci"
)

// extractImage unpacks the merged layers of an OCI archive. Their names go through no link
// and lead nowhere outside, and tar runs as the guest's root.
func extractImage(ctx context.Context, archive, dir string, unprivileged bool) error {
	a, err := oci.Open(archive)
	if err != nil {
		return err
	}
	defer a.Close()
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := a.WriteTar(ctx, w)
		written <- errors.Join(err, w.CloseWithError(err))
	}()
	err = untar(ctx, r, dir, unprivileged)
	_ = r.CloseWithError(err)
	if werr := <-written; err == nil {
		err = werr
	}
	if err != nil {
		return fmt.Errorf("Error while extracting OCI image: IO error: %w", err) //nolint:staticcheck // Proxmox's words
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for volume := range a.Image.Config.Volumes {
		if err := (rootfs{root, rootOf(unprivileged)}).mkdir(strings.TrimPrefix(path.Clean("/"+volume), "/"), 0o755); err != nil {
			return fmt.Errorf("cannot make the folder of the volume %s: %w", volume, err)
		}
	}
	return nil
}

// settle is setup of a guest whose system came from an image. In an unknown one Proxmox sets
// up nothing; in a known one only what there is a place for.
func settle(ctx context.Context, dir string, owner int, c driver.Config, s driver.Secrets, ns []string, log func(string)) error {
	if c.Unmanaged {
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	r := rootfs{root, owner}
	if err := configure(r, c, ns); err != nil {
		return err
	}
	if err := imagePassword(ctx, r, s.RootPassword); err != nil {
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

// imagePassword writes root's password into /etc/shadow itself: an image need not have
// chpasswd. The machine's openssl hashes it.
func imagePassword(ctx context.Context, r rootfs, password string) error {
	text, err := r.ReadFile("etc/shadow")
	if password == "" || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !isCrypt(password) {
		cmd := exec.CommandContext(ctx, "openssl", "passwd", "-6", "-stdin")
		cmd.Stdin = strings.NewReader(password + "\n")
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("cannot hash root's password with openssl: %w", err)
		}
		password = strings.TrimSpace(string(out))
	}
	return r.WriteFile("etc/shadow", driver.SetShadow(text, 1, password), 0o640)
}

// refresh writes what follows the container's config before a start: in a guest of an unknown
// system only the nameserver, which the node's DHCP client leaves there.
func refresh(r rootfs, c driver.Config, ns []string) error {
	if !c.Unmanaged {
		return configure(r, c, ns)
	}
	if len(c.Interfaces) == 0 || !c.Interfaces[0].Managed || !c.Interfaces[0].DHCP {
		return nil
	}
	return r.write("etc/resolv.conf", "nameserver "+strings.Join(ns, "\nnameserver ")+"\n", 0o644)
}
