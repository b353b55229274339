package observe

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func scrape(t *testing.T, address, path string) (int, string) {
	t.Helper()
	res, err := http.Get("http://" + address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestMetrics(t *testing.T) {
	m := NewMetrics("1.2.3")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	address, err := m.Serve(ctx, "0")
	if err != nil || !strings.HasPrefix(address, "127.0.0.1:") {
		t.Fatalf("%s, %v", address, err)
	}
	_, text := scrape(t, address, "/metrics")
	for _, want := range []string{`infrahaus_build_info{version="1.2.3"} 1`, "infrahaus_runs_running 0", "process_resident_memory_bytes"} {
		if !strings.Contains(text, want) {
			t.Errorf("an idle worker lacks %s:\n%s", want, text)
		}
	}
	pass(t, m.Run("create"), run(0))
	pass(t, m.Run("create"), run(5))
	pass(t, m.Run("sync"), run(0)[:5])
	m.DatabaseWait()()
	m.Jobs(func(context.Context) (map[string]int, error) {
		return map[string]int{"running": 2, "available": 40}, nil
	})
	_, text = scrape(t, address, "/metrics")
	for _, want := range []string{
		"# TYPE infrahaus_runs_started_total counter", `infrahaus_runs_started_total{verb="create"} 2`, `infrahaus_runs_started_total{verb="sync"} 1`,
		`infrahaus_runs_ended_total{verb="create",status="0"} 1`, `infrahaus_runs_ended_total{verb="create",status="5"} 1`, "infrahaus_runs_running 1",
		"# TYPE infrahaus_run_duration_seconds histogram", `infrahaus_run_duration_seconds_bucket{verb="create",le="10"} 0`,
		`infrahaus_run_duration_seconds_bucket{verb="create",le="20"} 2`, `infrahaus_run_duration_seconds_sum{verb="create"} 22`, `infrahaus_run_duration_seconds_count{verb="create"} 2`,
		`infrahaus_phase_duration_seconds_sum{verb="create",phase="creating"} 4`, `infrahaus_phase_duration_seconds_count{verb="create",phase="syncing"} 2`,
		`infrahaus_wait_duration_seconds_sum{phase="syncing"} 6`, "infrahaus_database_wait_seconds_count 1",
		"# TYPE infrahaus_jobs gauge\n" + `infrahaus_jobs{state="available"} 40`, `infrahaus_jobs{state="running"} 2`, "infrahaus_catalogue_up 1",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("it lacks %s:\n%s", want, text)
		}
	}
	// The rest is there although the catalogue is away.
	m.Jobs(func(context.Context) (map[string]int, error) { return nil, errors.New("away") })
	if _, text = scrape(t, address, "/metrics"); !strings.Contains(text, "infrahaus_catalogue_up 0\n") || !strings.Contains(text, "infrahaus_runs_running 1\n") || strings.Contains(text, "infrahaus_jobs{") {
		t.Error(text)
	}
	if status, _ := scrape(t, address, "/"); status != http.StatusNotFound {
		t.Errorf("/ answers %d", status)
	}
	if _, err := m.Serve(ctx, address); err == nil || !strings.HasPrefix(err.Error(), "cannot serve metrics at "+address+": bind: ") {
		t.Errorf("a port that is in use: %v", err)
	}
}
