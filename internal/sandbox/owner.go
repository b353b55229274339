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
	"sync"

	"github.com/gofrs/flock"

	"github.com/infrahaus/infrahaus/internal/sandbox/api"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/lxcguest"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/pct"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// owned is the sandbox in the process that has it.
type owned struct {
	opt    Options
	set    *settings
	faults *driver.Faults
	ctx    context.Context // ends with close
	cancel context.CancelFunc
	tasks  sync.WaitGroup // reboots under way, and the reader of further faults

	power sync.Mutex // held while the node is switched on or off

	mu       sync.Mutex // guards what a reboot replaces
	endpoint Endpoint
	node     *node.Node     // the first
	faces    []*face        // of each node
	starts   int            // of pct, before the last reboot
	closers  []func() error // in order of opening
	lock     func() error   // gives the sandbox's lock back
}

// own starts everything. It holds the lock from now on.
func own(ctx context.Context, o Options, faults *driver.Faults, lock *flock.Flock) (*owned, error) {
	w := &owned{opt: o, faults: faults, lock: func() error { return nil }} // until all is well the lock is the caller's
	w.ctx, w.cancel = context.WithCancel(context.Background())
	if err := w.open(ctx); err != nil {
		return nil, errors.Join(err, w.close())
	}
	if o.FaultsFrom != "" {
		w.tasks.Go(w.readFaults)
	}
	w.lock = lock.Close
	return w, nil
}

func (w *owned) open(ctx context.Context) (err error) {
	w.power.Lock() // a fault may ask for a reboot already
	defer w.power.Unlock()
	_ = os.Remove(endpointFile(w.opt.Dir)) // a killed owner's
	if w.set, err = readSettings(w.opt); err != nil {
		return err
	}
	for _, x := range w.faults.All() {
		if err := w.possible(x); err != nil {
			return fmt.Errorf("cannot play a fault: %w", err)
		}
	}
	if err := w.start(ctx, listen); err != nil {
		return err
	}
	if err := w.set.write(w.opt.Dir); err != nil {
		return err
	}
	b, err := json.Marshal(w.endpoint)
	if err != nil {
		return err
	}
	return replace(endpointFile(w.opt.Dir), b)
}

// start is the node's boot: its guests, then its two faces.
func (w *owned) start(ctx context.Context, listen listener) error {
	o := w.opt
	nodeOptions, err := openDriver(ctx, o, w.set, w.faults)
	if err != nil {
		return err
	}
	nodeOptions.CutLinks = w.cutLinks
	nodeOptions.PowerLoss = w.losePower
	nodeOptions.Gone = w.cutLinksOf
	n, err := node.Open(ctx, nodeOptions)
	if err != nil {
		return errors.Join(err, nodeOptions.Driver.Close())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.node = n
	w.closers = append(w.closers, n.Close)
	return w.serve(listen)
}

// serve opens the API and each node's sshd, and says where they are; mu held.
func (w *owned) serve(listen listener) error {
	o, set := w.opt, w.set
	w.faces = nil
	ssh := map[string]string{}
	for _, name := range w.node.Names() {
		f := &face{node: w.node.Peer(name)}
		w.faces = append(w.faces, f)
		if err := w.serveNode(f, listen); err != nil {
			return err
		}
		ssh[name] = "root@" + f.sshd.Addr()
	}
	sshd := w.faces[0].sshd
	var web *api.Server
	err := listen(set.APIPort, func(addr string) (err error) {
		web, err = api.Serve(w.node, api.Options{Addr: addr, CertFile: filepath.Join(o.Dir, "api.pem"), AuthDelay: o.AuthDelay,
			Requests: filepath.Join(o.Dir, "requests.ndjson"),
			Console:  api.ConsolePace{Open: o.Console.Delay, In: o.Console.In, Out: o.Console.Out}})
		return err
	})
	if err != nil {
		return err
	}
	w.closers = append(w.closers, web.Close)
	login := w.node.Login()
	w.endpoint = Endpoint{
		URL: web.URL(), Fingerprint: web.Fingerprint(), Token: login.TokenID + "=" + login.TokenUUID, User: login.User, Password: login.Password,
		Node: node.Name, Nodes: w.node.Names(), SSHNode: ssh[node.Name], SSHNodes: ssh, SSHIdentity: sshd.Identity(), SSHKnownHosts: sshd.KnownHosts(), Driver: w.node.Driver().Name(), PVE: w.node.Profile().Name,
	}
	set.APIPort = portOf(web.URL())
	return nil
}

// face is what a node has besides the API, which the first one answers for all.
type face struct {
	node *node.Node
	tool *pct.Tool
	sshd *pct.Server
}

// serveNode opens a node's sshd.
func (w *owned) serveNode(f *face, listen listener) error {
	name := f.node.Name()
	f.tool = pct.NewTool(f.node, w.opt.PctDelay)
	w.closers = append(w.closers, func() error { f.tool.Close(); return nil })
	machine, end := w.machine(f)
	w.closers = append(w.closers, end)
	f.node.Devices(func(path string) bool {
		m, err := machine()
		if err != nil {
			return true
		}
		status, err := m.Run(context.Background(), kernel.Exec{Argv: []string{"test", "-e", path}})
		return err != nil || status == 0
	})
	err := listen(w.set.sshPort(name), func(addr string) (err error) {
		f.sshd, err = pct.Serve(pct.ServerOptions{Dir: filepath.Join(w.opt.Dir, "ssh"), Addr: addr, Node: f.node, Machine: machine})
		return err
	})
	if err != nil {
		return err
	}
	w.closers = append(w.closers, f.sshd.Close)
	w.set.setSSHPort(name, portOf("ssh://"+f.sshd.Addr()))
	return nil
}

// listener finds a port for a server: the one given if it can.
type listener func(port string, serve func(addr string) error) error

// listen prefers the port that the last owner had, so that what was exported
// then still holds.
func listen(port string, serve func(addr string) error) error {
	if port != "" && serve(net.JoinHostPort("127.0.0.1", port)) == nil {
		return nil
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
	w.mu.Lock()
	w.cancel()
	w.mu.Unlock()
	w.tasks.Wait()
	w.power.Lock()
	defer w.power.Unlock()
	return errors.Join(w.stop(), w.lock())
}

// stop is the node's end, from one moment to the next.
func (w *owned) stop() error {
	w.mu.Lock()
	closers := w.closers
	w.closers = nil
	for _, f := range w.faces {
		w.starts += f.tool.Starts()
	}
	w.faces = nil
	w.mu.Unlock()
	var errs []error
	for i := len(closers) - 1; i >= 0; i-- {
		errs = append(errs, closers[i]())
	}
	return errors.Join(errs...)
}

// Stats are counts for the budgets, of this owner's time.
type Stats struct {
	PctStarts int // how often pct was started on the nodes
	PushTasks int // push_file tasks in the nodes' history
}

// Stats is zero unless this process is the owner.
func (s *Sandbox) Stats() Stats {
	if s.owned == nil {
		return Stats{}
	}
	w := s.owned
	w.mu.Lock()
	defer w.mu.Unlock()
	starts, pushes := w.starts, 0
	for _, f := range w.faces {
		_, n := f.node.Tasks(node.Root, node.Params{"typefilter": "push_file", "source": "all", "limit": "1"})
		starts, pushes = starts+f.tool.Starts(), pushes+n
	}
	return Stats{PctStarts: starts, PushTasks: pushes}
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
	if set.Driver == "lxc" { // the archives of this sandbox are gone
		errs = append(errs, lxcguest.Prune(set.LXCDir))
	}
	return errors.Join(errs...)
}
