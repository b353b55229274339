package provision

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/discover"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

const (
	// askTimeout limits one question to a port from this machine.
	askTimeout = 5 * time.Second
	// askPause is the time between two questions to a service that is waited for.
	askPause = 250 * time.Millisecond
	// maxAsked limits how many ports of an image are asked.
	maxAsked = 64
)

// lookFromOutside is the discovery of a container in which nobody can look. It asks the
// declared services and the ports that the image declares, over the network, and nothing else.
func (r *Run) lookFromOutside(ctx context.Context, declared []discover.Declared, look bool) (discover.Outside, error) {
	o := discover.Outside{Ready: map[int]discover.Readiness{}, Image: r.image(), Program: r.situation.Config.All["entrypoint"]}
	if !r.address.IsValid() {
		for i, d := range declared {
			if d.Port > 0 {
				o.Ready[i] = discover.Readiness{How: "the container has no address"}
			}
		}
		return o, nil
	}
	defer r.wait("the declared services to answer", discover.Options{Declared: declared, Look: look}.Longest())()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go r.watchPID1(ctx, cancel)
	var mu sync.Mutex
	var all sync.WaitGroup
	for i, d := range declared {
		if d.Port == 0 || d.Protocol == "udp" {
			continue
		}
		all.Go(func() {
			got := r.awaitAnswer(ctx, d, look)
			mu.Lock()
			defer mu.Unlock()
			o.Ready[i] = got
		})
	}
	for i, p := range o.Image.OpenPorts() {
		if p.Protocol != "tcp" || i >= maxAsked {
			continue
		}
		all.Go(func() {
			if r.askTCP(ctx, p.Port, reachTimeout) != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			o.Open = append(o.Open, p.Port)
		})
	}
	all.Wait()
	return o, context.Cause(ctx)
}

// watchPID1 ends the wait for services of a container that does not run any more.
func (r *Run) watchPID1(ctx context.Context, cancel context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
		if st, err := r.host.PVE.Status(ctx, r.placement.Node, r.ctid); err == nil && !st.Running {
			cancel(r.pid1Ended(ctx))
			return
		}
	}
}

// awaitAnswer asks a declared service until it answers or its time is over; a look asks once.
func (r *Run) awaitAnswer(ctx context.Context, d discover.Declared, look bool) discover.Readiness {
	wait := d.Wait
	if wait <= 0 {
		wait = discover.DefaultWait
	}
	end := time.Now().Add(wait)
	for {
		got := r.ask(ctx, d)
		if got.OK || look || ctx.Err() != nil || time.Now().After(end) {
			return got
		}
		select {
		case <-ctx.Done():
		case <-time.After(askPause):
		}
	}
}

// ask asks a declared service once, on all its ports.
func (r *Run) ask(ctx context.Context, d discover.Declared) discover.Readiness {
	for _, port := range append([]int{d.Port}, d.Also...) {
		if err := r.askTCP(ctx, port, askTimeout); err != nil {
			return discover.Readiness{How: fmt.Sprintf("port %d does not answer from here", port)}
		}
	}
	if d.HTTP == "" {
		return discover.Readiness{OK: true, How: "tcp"}
	}
	return r.askHTTP(ctx, d)
}

func (r *Run) askTCP(ctx context.Context, port int, limit time.Duration) error {
	d := net.Dialer{Timeout: limit}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(r.address.String(), strconv.Itoa(port)))
	if err == nil {
		conn.Close()
	}
	return err
}

// askHTTP makes one request. Every answer but a server's error counts, as inside a guest. A
// certificate is not verified, and a redirection is an answer.
func (r *Run) askHTTP(ctx context.Context, d discover.Declared) discover.Readiness {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	scheme := "http"
	if d.TLS {
		scheme = "https"
	}
	path := d.HTTP
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	address := scheme + "://" + net.JoinHostPort(r.address.String(), strconv.Itoa(d.Port)) + path
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return discover.Readiness{How: "no answer"}
	}
	transport := &http.Transport{
		Proxy: nil, DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // it only asks whether something answers
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return discover.Readiness{How: "no answer"}
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10)
	return discover.Readiness{OK: res.StatusCode < 500, How: fmt.Sprintf("http %d", res.StatusCode)}
}

// pid1Ended is the error for an application container whose program has ended.
func (r *Run) pid1Ended(ctx context.Context) error {
	f := &exit.Failure{
		Status:  exit.Unreachable,
		Message: fmt.Sprintf("cannot go on with container %d: its program has ended (%s), and the container with it", r.ctid, r.program()),
	}
	f.Tail, f.Hints = r.lastWords(ctx), r.whyEnded()
	return f
}

// program is PID 1's command line.
func (r *Run) program() string {
	if e := r.situation.Config.All["entrypoint"]; e != "" {
		return e
	}
	if i := r.image(); i != nil && i.Entrypoint != "" {
		return i.Entrypoint
	}
	return "PID 1"
}

// whyEnded are the hints for a program that ends.
func (r *Run) whyEnded() []string {
	hints := []string{fmt.Sprintf("to see what it says, on the node: lxc-start -F -n %d", r.ctid)}
	return append(hints, "it may want a variable that the template does not set (its environment is in pct config), or a right that it has not: see --privileged and the features of a template")
}

// lastWords are the last lines that the node has of the container's unit.
func (r *Run) lastWords(ctx context.Context) []string {
	if r.nodeSSH() == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	said, err := r.nodeSSH().LastWords(ctx, r.ctid)
	if err != nil {
		return nil
	}
	return splitLines(r.Bus.Redact(said))
}

// image is the OCI image of the container, nil if it is not known or there is none.
func (r *Run) image() *lxc.Image { return r.world().Image() }

// needsOutside reports whether the services are to be judged from outside.
func (r *Run) needsOutside() bool { return r.guest == nil && (r.application || r.verb == plan.Update) }
