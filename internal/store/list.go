package store

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Parts are the documents that List reads beside the records.
type Parts int

const (
	WithServices Parts = 1 << iota // the last discoveries
	WithJobs                       // what SaveJob wrote
)

// Entry is a record as List yields it.
type Entry struct {
	lxc.Container
	Job      json.RawMessage // nil without WithJobs, or if none was saved
	services string
}

// Services are the result of the last discovery. They need WithServices.
func (e Entry) Services() ([]lxc.Service, error) {
	found, err := decodeServices(e.services)
	if err != nil {
		return nil, fmt.Errorf("cannot read the services of record %s: %w", e.RecordID, err)
	}
	return found, nil
}

// MainURL is lxc.MainURL of the services, which it does not read whole.
func (e Entry) MainURL() (string, error) {
	if e.services == "" {
		return "", nil
	}
	url, err := mainURL(e.services)
	if err != nil {
		return "", fmt.Errorf("cannot read the services of record %s: %w", e.RecordID, err)
	}
	return url, nil
}

// listPage is how many records List reads at once.
const listPage = 500

// List yields records, oldest first, and ends after an error. It reads a page at a time, and
// between two pages it holds nothing of the database. So the consumer may take its time and
// ask the store more, and memory does not grow with the number of records.
func (s *Store) List(ctx context.Context, f Filter, parts Parts) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		names, err := hostNames(ctx, s.records)
		if err != nil {
			yield(Entry{}, s.wrap(err))
			return
		}
		page := make([]Entry, 0, listPage)
		for after, more := "", true; more; {
			if page, err = s.page(ctx, f, parts, after, page[:0]); err != nil {
				yield(Entry{}, s.wrap(err))
				return
			}
			if more = len(page) == listPage; more {
				after = page[listPage-1].RecordID
			}
			for i := range page {
				e := &page[i]
				if name := names[e.HostID]; name != "" {
					e.Host = name
				}
				// In SQLite the condition would cost more than the record.
				if (f.IncludeDestroyed || e.Lifecycle != lxc.Destroyed) && !yield(*e, nil) {
					return
				}
			}
		}
	}
}

// listQuery reads the page of records after an id. The host is an expression, so that no index
// of hosts is taken, with which every page would sort all of the host's records.
func listQuery(f Filter, parts Parts) string {
	from, cols := ` FROM containers c`, `SELECT c.doc, coalesce(c.host_id, '')`
	for _, p := range []struct {
		part  Parts
		table string
	}{{WithServices, "services"}, {WithJobs, "jobs"}} {
		if parts&p.part == 0 {
			cols += `, ''`
			continue
		}
		cols += `, coalesce(` + p.table + `.doc, '')`
		from += ` LEFT JOIN ` + p.table + ` ON ` + p.table + `.record_id = c.id`
	}
	where := ` WHERE c.id > ?`
	if f.HostID != "" {
		where += ` AND coalesce(c.host_id, '') = ?`
	}
	return cols + from + where + ` ORDER BY c.id LIMIT ` + fmt.Sprint(listPage)
}

func (s *Store) page(ctx context.Context, f Filter, parts Parts, after string, into []Entry) ([]Entry, error) {
	args := []any{after}
	if f.HostID != "" {
		args = append(args, f.HostID)
	}
	rows, err := s.records.QueryContext(ctx, listQuery(f, parts), args...)
	if err != nil {
		return into, err
	}
	defer rows.Close()
	for rows.Next() {
		var e Entry
		var doc, hostID, job string
		if err := rows.Scan(&doc, &hostID, &e.services, &job); err != nil {
			return into, err
		}
		if err := decodeContainer(doc, &e.Container); err != nil {
			return into, err
		}
		if e.HostID = hostID; job != "" {
			e.Job = json.RawMessage(job)
		}
		into = append(into, e)
	}
	return into, rows.Err()
}
