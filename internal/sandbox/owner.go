package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/infrahaus/infrahaus/internal/sandbox/api"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/pct"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual"
)

// owned is the sandbox in the process that has it.
type owned struct {
	endpoint Endpoint
	node     *node.Node
	tool     *pct.Tool
	closers  []func() error // in order of opening
}

// own starts everything. It holds the lock from now on.
func own(ctx context.Context, o Options, faults *driver.Faults, lock *flock.Flock) (_ *owned, err error) {
	w := &owned{closers: []func() error{lock.Close}}
	defer func() {
		if err != nil {
			w.closers = w.closers[1:] // the caller's
			err = errors.Join(err, w.close())
		}
	}()
	_ = os.Remove(endpointFile(o.Dir)) // a killed owner's
	set, err := readSettings(o)
	if err != nil {
		return nil, err
	}
	nodeOptions, err := openDriver(ctx, o, set, faults)
	if err != nil {
		return nil, err
	}
	if w.node, err = node.Open(ctx, nodeOptions); err != nil {
		return nil, errors.Join(err, nodeOptions.Driver.Close())
	}
	w.closers = append(w.closers, w.node.Close)
	if err := w.serve(o, set); err != nil {
		return nil, err
	}
	if err := set.write(o.Dir); err != nil {
		return nil, err
	}
	b, err := json.Marshal(w.endpoint)
	if err != nil {
		return nil, err
	}
	return w, replace(endpointFile(o.Dir), b)
}

// serve opens the node's two faces and says where they are.
func (w *owned) serve(o Options, set *settings) error {
	w.tool = pct.NewTool(w.node, o.PctDelay)
	w.closers = append(w.closers, func() error { w.tool.Close(); return nil })
	machine, err := virtual.NewMachine(filepath.Join(o.Dir, "node"), map[string]virtual.CommandFunc{"pct": w.tool.Run, "time": pct.GNUTime})
	if err != nil {
		return err
	}
	w.closers = append(w.closers, func() error { machine.Halt(); return machine.FS.Close() })
	sshd, err := listen(set.SSHPort, func(addr string) (*pct.Server, error) {
		return pct.Serve(pct.ServerOptions{Dir: filepath.Join(o.Dir, "ssh"), Addr: addr, Node: w.node, Machine: machine})
	})
	if err != nil {
		return err
	}
	w.closers = append(w.closers, sshd.Close)
	web, err := listen(set.APIPort, func(addr string) (*api.Server, error) {
		return api.Serve(w.node, api.Options{Addr: addr, CertFile: filepath.Join(o.Dir, "api.pem"), AuthDelay: o.AuthDelay,
			Console: api.ConsolePace{Open: o.Console.Delay, In: o.Console.In, Out: o.Console.Out}})
	})
	if err != nil {
		return err
	}
	w.closers = append(w.closers, web.Close)
	login := w.node.Login()
	w.endpoint = Endpoint{
		URL: web.URL(), Fingerprint: web.Fingerprint(), Token: login.TokenID + "=" + login.TokenUUID, User: login.User, Password: login.Password,
		Node: node.Name, SSHNode: "root@" + sshd.Addr(), SSHIdentity: sshd.Identity(), SSHKnownHosts: sshd.KnownHosts(), Driver: w.node.Driver().Name(),
	}
	set.APIPort, set.SSHPort = portOf(web.URL()), portOf("ssh://"+sshd.Addr())
	return nil
}

// listen prefers the port that the last owner had, so that what was exported
// then still holds.
func listen[T any](port string, serve func(addr string) (T, error)) (T, error) {
	if port != "" {
		if s, err := serve(net.JoinHostPort("127.0.0.1", port)); err == nil {
			return s, nil
		}
	}
	return serve("127.0.0.1:0")
}

func portOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Port()
}

// close takes down what was opened, last first. The lock goes last of all.
func (w *owned) close() error {
	var errs []error
	for i := len(w.closers) - 1; i >= 0; i-- {
		errs = append(errs, w.closers[i]())
	}
	return errors.Join(errs...)
}

// Stats are counts for the budgets, of this owner's time.
type Stats struct {
	PctStarts int // how often pct was started on the node
	PushTasks int // push_file tasks in the node's history
}

// Stats is zero unless this process is the owner.
func (s *Sandbox) Stats() Stats {
	if s.owned == nil {
		return Stats{}
	}
	_, pushes := s.owned.node.Tasks(node.Root, node.Params{"typefilter": "push_file", "source": "all", "limit": "1"})
	return Stats{PctStarts: s.owned.tool.Starts(), PushTasks: pushes}
}

// Reset forgets every container and login of the sandbox in dir; what was
// exported before is void. It fails while a process has the sandbox open.
func Reset(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	lock := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
	mine, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("cannot lock the sandbox: %w", err)
	}
	if !mine {
		return errors.New("cannot reset the sandbox: another process holds it open")
	}
	defer func() { _ = lock.Close() }()
	set, err := readSettings(Options{Dir: dir})
	if err != nil {
		set = &settings{} // garbage goes, too
	}
	if err := set.removeGuests(dir); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if e.Name() != "lock" && e.Name() != "users.lock" {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}
