package store

import (
	"context"
	"slices"
	"strings"
)

// Facts identify a host. A certificate that the settings pin counts like one that the
// host has shown: a connection with that pin cannot reach another host.
type Facts struct {
	Name        string // the user's name for it
	URL         string // https://host:port
	Certificate string // SHA-256 fingerprint; "" if it is not pinned and the host has not shown one
	CA          string // fingerprint of its cluster's own CA; "" if not known
}

// Host is a host on record.
type Host struct {
	ID   string
	Name string // its latest name

	// Each list begins with the value seen last. A name or an address belongs only to the
	// host that had it last.
	names, urls, certificates, cas []string
}

// The kinds of facts in the database.
const (
	factName        = "name"
	factURL         = "url"
	factCertificate = "certificate"
	factCA          = "ca"
)

// Hosts are all hosts on record.
type Hosts []Host

// Match is the result of comparing facts with the hosts on record.
type Match struct {
	ID     string // of the host on record; "" if none matches
	Proven bool   // the certificate or the CA matches, and not only the name or the address
	Apart  []Host // hosts of that name or address, but with another certificate or CA: other hosts
	Doubt  []Host // several hosts have shown that certificate, and no other fact tells which one it is
}

// Match finds the host that facts describe. The cluster's CA is the strongest proof. A
// certificate comes next, unless the CA differs, because several clusters may have one
// certificate (a wildcard, a proxy). An address or a name matches only a host that is not
// known to have another certificate.
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
	// Older versions stored no address: a host without a name had its address as its
	// name.
	if host := all.find(func(h Host) bool { return !h.known() && h.Name == addressName(f.URL) }); host != nil {
		return Match{ID: host.ID}
	}
	return m
}

// having returns the hosts that have shown the certificate and have no other CA.
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

// contradicts reports whether a host has shown another certificate or belongs to another
// cluster.
func (h Host) contradicts(f Facts) bool {
	return h.otherCA(f) || f.Certificate != "" && len(h.certificates) > 0 && !slices.Contains(h.certificates, f.Certificate)
}

// Has reports whether all the facts are on record for the host.
func (h Host) Has(f Facts) bool {
	has := func(list []string, value string) bool { return value == "" || slices.Contains(list, value) }
	return has(h.names, f.Name) && has(h.urls, f.URL) && has(h.certificates, f.Certificate) && has(h.cas, f.CA)
}

// InCluster reports whether the CA of its cluster is known.
func (h Host) InCluster() bool { return len(h.cas) > 0 }

// Certificate is the one that the host showed last, "" if none is known.
func (h Host) Certificate() string {
	if len(h.certificates) == 0 {
		return ""
	}
	return h.certificates[0]
}

// ByID finds a host by its id.
func (all Hosts) ByID(id string) (Host, bool) {
	if h := all.find(func(h Host) bool { return h.ID == id }); h != nil {
		return *h, true
	}
	return Host{}, false
}

// Called finds the host that has this name now.
func (all Hosts) Called(name string) (Host, bool) {
	if h := all.find(func(h Host) bool { return h.Name == name }); h != nil {
		return *h, true
	}
	return Host{}, false
}

// addressName is the name of a host to which the user has given no name: its address.
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
