package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// cluster is a simulated cluster in a process of its own, and a catalogue for its containers.
type cluster struct {
	b      *bench
	serve  *process
	env    []string // of the tool
	url    string
	token  string
	dir    string
	faults string // the file that takes them
	http   http.Client
}

// open starts a cluster. Its guests need more addresses than the network of a sandbox has.
func (b *bench) open(ctx context.Context, name string, nodes int, more ...string) (*cluster, error) {
	dir := filepath.Join(b.dir, name)
	c := &cluster{b: b, dir: dir, faults: filepath.Join(dir, "faults")}
	if err := os.MkdirAll(filepath.Join(dir, "home"), 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(c.faults, nil, 0o600); err != nil {
		return nil, err
	}
	c.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(dir, "home"), "XDG_CONFIG_HOME=" + filepath.Join(dir, "config")}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	subnet := fmt.Sprintf("127.%d.%d.0/18", 1+rand.IntN(60), 64*rand.IntN(4))
	args := append([]string{"sandbox", "serve", "--nodes", fmt.Sprint(nodes), "--subnet", subnet, "--faults-from", c.faults}, more...)
	c.serve, err = b.startTo(ctx, name+"-serve", in, append(slices.Clone(c.env), "INFRAHAUS_STATE_DIR="+filepath.Join(dir, "serve")), args...)
	in.Close()
	if err != nil {
		return nil, err
	}
	ready := firstLine(bufio.NewScanner(out), "export INFRAHAUS_TOKEN=", func(line string) {
		key, value, _ := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		value = strings.Trim(value, "'")
		switch key {
		case "INFRAHAUS_URL":
			c.url = value
		case "INFRAHAUS_TOKEN":
			c.token = value
		}
		c.env = append(c.env, key+"="+value)
	})
	if !ready {
		<-c.serve.done
		return nil, errors.New("the cluster did not start: " + c.serve.last())
	}
	c.env = append(c.env, "INFRAHAUS_STATE_DIR="+filepath.Join(dir, "state"))
	// The cluster is a child of this process, so it cannot be mistaken for another.
	c.http = http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	return c, nil
}

// fault begins or, with - before it, takes back a fault of the cluster.
func (c *cluster) fault(text string) error {
	f, err := os.OpenFile(c.faults, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintln(f, text)
	return err
}

// held are the containers that the cluster has, by id.
func (c *cluster) held(ctx context.Context) (map[int]string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/api2/json/cluster/resources?type=vm", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "PVEAPIToken="+c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var list struct {
		Data []struct {
			VMID int
			Name string
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		return nil, err
	}
	held := map[int]string{}
	for _, r := range list.Data {
		held[r.VMID] = r.Name
	}
	return held, nil
}

// record is a container as `list --json` shows it.
type record struct {
	ID          string
	CTID        int
	Hostname    string
	Status      string
	Interrupted bool
	Node        string
	Answering   *bool
	CreatedAt   time.Time
}

func (c *cluster) records(ctx context.Context) ([]record, error) {
	out, err := c.b.output(ctx, c.env, "list", "--json")
	if err != nil {
		return nil, err
	}
	var list []record
	err = json.Unmarshal(out, &list)
	return list, err
}

// ready counts the records that are ready.
func ready(list []record) (n int) {
	for _, r := range list {
		if r.Status == "ready" && !r.Interrupted {
			n++
		}
	}
	return n
}

// judge compares what should be there with the catalogue and with the cluster, and prints the
// counts.
func (c *cluster) judge(ctx context.Context, part string, want []string) error {
	list, err := c.records(ctx)
	if err != nil {
		return err
	}
	// A node reports its guests every 10 s.
	var held map[int]string
	wrong := len(list)
	for end := time.Now().Add(30 * time.Second); wrong > 0 && time.Now().Before(end); {
		if held, err = c.held(ctx); err != nil {
			return err
		}
		wrong = 0
		for _, r := range list {
			if held[r.CTID] != r.Hostname {
				wrong++
			}
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	names, ids := map[string]int{}, map[int]int{}
	for _, r := range list {
		names[r.Hostname]++
		ids[r.CTID]++
	}
	missing, twice, shared := 0, 0, 0
	for _, name := range want {
		switch n := names[name]; {
		case n == 0:
			missing++
		case n > 1:
			twice++
		}
	}
	for _, n := range ids {
		if n > 1 {
			shared++
		}
	}
	b := c.b
	count := func(what string, n, want int) { b.limit(part+": "+what, fmt.Sprint(n), fmt.Sprint(want), n == want) }
	count("records", len(list), len(want))
	count("records that are ready", ready(list), len(want))
	count("names without a record", missing, 0)
	count("names with two records", twice, 0)
	count("ids that two records have", shared, 0)
	count("records whose id is another container's, or none, on the cluster", wrong, 0)
	count("containers on the cluster", len(held), len(want))
	return nil
}

func (c *cluster) close() { c.serve.end() }
