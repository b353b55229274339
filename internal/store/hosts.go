package store

import (
	"context"
	"slices"
	"strings"
)

// Facts are what a host is known by. A certificate that the settings pin is as good
// as one that was shown: no connection under that pin meets another.
type Facts struct {
	Name        string // as the user calls it
	URL         string // https://host:port
	Certificate string // SHA-256 fingerprint; "" where it is neither pinned nor was shown
	CA          string // that of its cluster's own CA; "" where it is not known
}

// Host is a host on record.
type Host struct {
	ID   string
	Name string // what it was called last

	// The last seen first. A name and an address are of the one host that had them last.
	names, urls, certificates, cas []string
}

// The kinds of fact on record.
const (
	factName        = "name"
	factURL         = "url"
	factCertificate = "certificate"
	factCA          = "ca"
)

// Hosts are the hosts on record.
type Hosts []Host

// Match is what Hosts say of facts.
type Match struct {
	ID     string // of the host on record; "" for none
	Proven bool   // by its certificate or its CA, and not by name or address alone
	Apart  []Host // of that name or address, with another certificate or CA: not the same
	Doubt  []Host // several have shown that certificate, and nothing tells them apart
}

// Match finds the host that facts speak of. The cluster's CA proves most, then a
// certificate, unless the CA says otherwise: a certificate may be that of several
// clusters (a wildcard, a proxy). An address or a name finds a host whose certificate
// is not known to be another.
func (all Hosts) Match(f Facts) Match {
	var m Match
	if host := all.find(func(h Host) bool { return slices.Contains(h.cas, f.CA) }); host != nil {
		return Match{ID: host.ID, Proven: true}
	}
	same := all.having(f)
	if len(same) > 1 {
		m.Doubt = same
		for _, narrower := range []func(Host) bool{
			func(h Host) bool { return slices.Contains(h.urls, f.URL) },
			func(h Host) bool { return slices.Contains(h.names, f.Name) },
		} {
			if some := same.where(narrower); len(some) == 1 {
				same = some
				break
			}
		}
	}
	switch {
	case len(same) == 1:
		return Match{ID: same[0].ID, Proven: true}
	case len(same) > 1:
		return m
	}
	for _, candidate := range []*Host{
		all.find(func(h Host) bool { return slices.Contains(h.urls, f.URL) }),
		all.find(func(h Host) bool { return slices.Contains(h.names, f.Name) }),
	} {
		switch {
		case candidate == nil:
		case !candidate.contradicts(f):
			return Match{ID: candidate.ID}
		case len(m.Apart) == 0 || m.Apart[0].ID != candidate.ID:
			m.Apart = append(m.Apart, *candidate)
		}
	}
	// Older versions kept no address, but called a host by it.
	if host := all.find(func(h Host) bool { return !h.known() && h.Name == addressName(f.URL) }); host != nil {
		return Match{ID: host.ID}
	}
	return m
}

// having are the hosts that have shown the certificate, and no other CA.
func (all Hosts) having(f Facts) Hosts {
	return all.where(func(h Host) bool {
		return f.Certificate != "" && slices.Contains(h.certificates, f.Certificate) && !h.otherCA(f)
	})
}

func (all Hosts) where(is func(Host) bool) Hosts {
	var some Hosts
	for _, h := range all {
		if is(h) {
			some = append(some, h)
		}
	}
	return some
}

func (all Hosts) find(is func(Host) bool) *Host {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return &all[i]
	}
	return nil
}

func (h Host) known() bool { return len(h.certificates)+len(h.cas) > 0 }

func (h Host) otherCA(f Facts) bool {
	return f.CA != "" && len(h.cas) > 0 && !slices.Contains(h.cas, f.CA)
}

// contradicts says that a host has shown another certificate, or is of another cluster.
func (h Host) contradicts(f Facts) bool {
	return h.otherCA(f) || f.Certificate != "" && len(h.certificates) > 0 && !slices.Contains(h.certificates, f.Certificate)
}

// Has says whether all the facts are on record of it.
func (h Host) Has(f Facts) bool {
	has := func(list []string, value string) bool { return value == "" || slices.Contains(list, value) }
	return has(h.names, f.Name) && has(h.urls, f.URL) && has(h.certificates, f.Certificate) && has(h.cas, f.CA)
}

// InCluster says that the CA of its cluster is known.
func (h Host) InCluster() bool { return len(h.cas) > 0 }

// Certificate is the one that the host showed last, "" where none is known.
func (h Host) Certificate() string {
	if len(h.certificates) == 0 {
		return ""
	}
	return h.certificates[0]
}

// ByID finds a host.
func (all Hosts) ByID(id string) (Host, bool) {
	if h := all.find(func(h Host) bool { return h.ID == id }); h != nil {
		return *h, true
	}
	return Host{}, false
}

// Called finds the host that has a name now.
func (all Hosts) Called(name string) (Host, bool) {
	if h := all.find(func(h Host) bool { return h.Name == name }); h != nil {
		return *h, true
	}
	return Host{}, false
}

// addressName is what a host is called that has no name but its address.
func addressName(url string) string {
	return strings.TrimSuffix(strings.TrimPrefix(url, "https://"), ":8006")
}

// Hosts lists the hosts on record.
func (s *Store) Hosts(ctx context.Context) (Hosts, error) {
	all, err := hosts(ctx, s.records)
	return all, s.wrap(err)
}

func hosts(ctx context.Context, q rowsQuerier) (Hosts, error) {
	rows, err := q.QueryContext(ctx, `SELECT h.id, h.name, coalesce(f.kind, ''), coalesce(f.value, '') FROM hosts h
		LEFT JOIN host_facts f ON f.host_id = h.id ORDER BY h.id, f.seen_at DESC, f.value`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all Hosts
	for rows.Next() {
		var h Host
		var kind, value string
		if err := rows.Scan(&h.ID, &h.Name, &kind, &value); err != nil {
			return nil, err
		}
		if len(all) == 0 || all[len(all)-1].ID != h.ID {
			all = append(all, h)
		}
		if list := all[len(all)-1].list(kind); list != nil {
			*list = append(*list, value)
		}
	}
	return all, rows.Err()
}

func (h *Host) list(kind string) *[]string {
	return map[string]*[]string{
		factName: &h.names, factURL: &h.urls, factCertificate: &h.certificates, factCA: &h.cas,
	}[kind]
}
