package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the driver named sqlite
)

// The limits of the part list. A row is compared with what encoding/json needs for the same
// record in this process, because that moves with the machine as list does.
const (
	rowLimit    = 1.0  // a row of list, against encoding/json
	jsonLimit   = 4.0  // an element of list --json
	listMemory  = 50.0 // MB
	growthLimit = 1.5  // CPU time of show and events with many records, against few
)

// few is the number of records with which many are compared.
const few = 100

// list measures list, show and events on a catalogue of many records.
func (b *bench) list(ctx context.Context) error {
	c, err := b.open(ctx, "list", 1)
	if err != nil {
		return err
	}
	defer c.close()
	if _, err := b.output(ctx, c.env, "create", "web", "--template", "hello", "--quiet"); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", filepath.Join(c.dir, "state", "infrahaus.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	commands := [][]string{{"show", "web"}, {"events", "web"}, {"list"}, {"list", "--json"}}
	var before, after [4]cost
	if err := multiply(ctx, db, few); err != nil {
		return err
	}
	for i, args := range commands {
		if before[i], err = b.cost(ctx, c, args...); err != nil {
			return err
		}
	}
	if err := multiply(ctx, db, b.rows); err != nil {
		return err
	}
	for i, args := range commands {
		if after[i], err = b.cost(ctx, c, args...); err != nil {
			return err
		}
	}
	decoded, err := decoding(ctx, db)
	if err != nil {
		return err
	}
	for i, args := range commands[:2] {
		ratio := after[i].cpu.Seconds() / before[i].cpu.Seconds()
		b.limit(fmt.Sprintf("list: CPU time of %s with %d records against %d", args[0], b.rows, few), fmt.Sprintf("%.2f", ratio), fmt.Sprint(growthLimit), ratio <= growthLimit)
	}
	for i, limit := range map[int]float64{2: rowLimit, 3: jsonLimit} {
		name := fmt.Sprint("list: ", commands[i])
		each := (after[i].cpu - before[i].cpu) / time.Duration(b.rows-few)
		ratio := each.Seconds() / decoded.Seconds()
		row(name+fmt.Sprintf(" of %d records", b.rows), fmt.Sprintf("%.3f CPU seconds", after[i].cpu.Seconds()))
		b.limit(name+", a row against encoding/json of the record", fmt.Sprintf("%.2f (%s, %s)", ratio, each, decoded), fmt.Sprint(limit), ratio <= limit)
		b.limit(name+", memory", fmt.Sprintf("%.1f MB; %.1f MB of %d records", after[i].memory, before[i].memory, few), fmt.Sprintf("%.0f MB", listMemory), after[i].memory <= listMemory)
	}
	return nil
}

// multiply copies the first record, with its discovery, job, run and events, until there are n.
func multiply(ctx context.Context, db *sql.DB, n int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // an error after a commit
	const first = `(SELECT id FROM containers WHERE hostname = 'web')`
	for _, query := range []string{
		fmt.Sprintf(`INSERT INTO containers (id, doc, host_id) WITH RECURSIVE n(i) AS (SELECT count(*) FROM containers UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d)
			SELECT new, json_set(doc, '$.id', new, '$.ctid', 1000 + i, '$.hostname', 'web' || i), host_id
			FROM (SELECT i, substr(id, 1, 18) || printf('%%08d', i) AS new, doc, host_id FROM n, containers WHERE id = %s)`, n, first),
		`INSERT INTO services SELECT c.id, s.discovered_at, s.doc FROM containers c, services s WHERE s.record_id = ` + first + ` AND c.id NOT IN (SELECT record_id FROM services)`,
		`INSERT INTO jobs SELECT c.id, j.doc, j.updated_at FROM containers c, jobs j WHERE j.record_id = ` + first + ` AND c.id NOT IN (SELECT record_id FROM jobs)`,
		`INSERT INTO runs (id, record_id, kind, started_at, ended_at, exit_status) SELECT '1' || substr(c.id, 2), c.id, r.kind, r.started_at, r.ended_at, r.exit_status
			FROM containers c, runs r WHERE r.record_id = ` + first + ` AND c.id NOT IN (SELECT record_id FROM runs)`,
		`INSERT INTO events SELECT r.id, e.seq, e.type, e.doc FROM runs r, events e
			WHERE e.run_id = (SELECT id FROM runs WHERE record_id = ` + first + `) AND r.id NOT IN (SELECT run_id FROM events)`,
	} {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// cost is what a command takes.
type cost struct {
	cpu    time.Duration
	memory float64 // MB at most
}

// cost is the median of several runs.
func (b *bench) cost(ctx context.Context, c *cluster, args ...string) (cost, error) {
	var cpu []time.Duration
	var memory []float64
	for range 7 {
		p, err := b.start(ctx, "cost", c.env, args...)
		if err != nil {
			return cost{}, err
		}
		if <-p.done; p.exit() != 0 {
			return cost{}, fmt.Errorf("infrahaus %s: exit status %d: %s", args[0], p.exit(), p.last())
		}
		cpu, memory = append(cpu, p.used()), append(memory, p.most())
	}
	return cost{median(cpu), median(memory)}, nil
}

// decoding is the CPU time that encoding/json needs for a record and its services.
func decoding(ctx context.Context, db *sql.DB) (time.Duration, error) {
	var doc, services string
	if err := db.QueryRowContext(ctx, `SELECT c.doc, s.doc FROM containers c, services s WHERE s.record_id = c.id`).Scan(&doc, &services); err != nil {
		return 0, err
	}
	const times = 20000
	var all []time.Duration
	for range 5 {
		before := ownCPU()
		for range times {
			var record map[string]any
			var list []map[string]any
			if err := json.Unmarshal([]byte(doc), &record); err != nil {
				return 0, err
			}
			if err := json.Unmarshal([]byte(services), &list); err != nil {
				return 0, err
			}
		}
		all = append(all, (ownCPU()-before)/times)
	}
	return median(all), nil
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
