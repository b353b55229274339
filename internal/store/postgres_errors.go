package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// conflict is two transactions that stood in each other's way: repeated, they do not.
const conflict Kind = "conflict"

// kind classifies an error; "" is none of the database's.
func (d *postgres) kind(err error) Kind {
	var own *Error
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &own):
		return own.Kind
	case errors.As(err, &pg):
		return kindOf(pg)
	case errors.Is(err, errSlow):
		return Slow
	case isCertificate(err):
		return Untrusted
	case isAway(err):
		return Away
	}
	return ""
}

// kindOf reads the SQLSTATE of an error that the server, or a pooler in front of it, has
// sent: https://www.postgresql.org/docs/current/errcodes-appendix.html.
func kindOf(pg *pgconn.PgError) Kind {
	switch pg.Code {
	case "40001", "40P01":
		return conflict
	case "55P03":
		return Locked
	case "25006":
		return ReadOnly
	case "42501":
		return Forbidden
	case "28000", "28P01":
		return Refused
	case "3D000":
		return Missing
	case "42P05", "26000": // a prepared statement that is there already, or is not
		return Pooled
	case "57014", "25P03":
		return Slow
	case "57P01", "57P02", "57P03", "57P05":
		return Away
	}
	switch {
	case strings.HasPrefix(pg.Code, "53") && pg.Code != "53100":
		return Crowded
	case pg.Code == "53100":
		return Full
	case pg.Code == "08P01" && strings.Contains(pg.Message, "startup parameter"):
		return Pooled
	case pg.Code == "08P01" && (strings.Contains(pg.Message, "no such") || strings.Contains(pg.Message, "auth")): // pgbouncer's
		return Refused
	case strings.HasPrefix(pg.Code, "08"):
		return Away
	}
	return Broken
}

func isCertificate(err error) bool {
	return errors.As(err, new(*tls.CertificateVerificationError)) || errors.As(err, new(x509.UnknownAuthorityError)) ||
		errors.As(err, new(x509.HostnameError)) || errors.As(err, new(x509.CertificateInvalidError)) ||
		strings.Contains(err.Error(), "server refused TLS connection")
}

func isAway(err error) bool {
	var net1 net.Error
	return errors.As(err, &net1) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.As(err, new(*pgconn.ConnectError)) ||
		strings.Contains(err.Error(), "conn closed")
}

// isStarting reports that the server is there and takes nobody in yet.
func isStarting(err error) bool { return isCode(err, "57P03") }

// said is an error in a few words.
func (d *postgres) said(err error) string {
	var pg *pgconn.PgError
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &pg):
		return pg.Message
	case errors.Is(err, errSlow), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "it has not answered in time"
	case errors.As(err, &dns):
		return "no address is known for " + dns.Name
	case errors.As(err, &op):
		return op.Err.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, driver.ErrBadConn):
		return "it has closed the connection"
	}
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) { // the outer texts repeat the address
		err = next
	}
	return err.Error()
}

func (d *postgres) wrap(err error) error {
	k := d.kind(err)
	if err == nil || k == "" || errors.As(err, new(*Error)) {
		return err
	}
	e := &Error{Kind: k, Path: d.shown, Err: errors.New(d.said(err))}
	switch k {
	case Away:
		e.Hint = "see whether it runs and can be reached: " + d.isReady()
	case Slow:
		e.Hint = "see what it is doing: " + d.psql("SELECT pid, state, wait_event, query FROM pg_stat_activity")
	case Crowded:
		e.Hint = "see who has its connections: " + d.psql("SELECT usename, application_name, count(*) FROM pg_stat_activity GROUP BY 1, 2")
	case ReadOnly:
		e.Hint = "it may be a standby: give the address of the primary, or add target_session_attrs=read-write to the URL"
	case Locked:
		e.Err, e.Hint = nil, "see who holds it: "+d.psql("SELECT pid, usename, client_addr, query FROM pg_stat_activity WHERE pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')")
	case Refused:
		e.Hint = "give user and password in the URL, in PGPASSWORD or in ~/.pgpass"
	case Missing:
		e.Hint = "make it: createdb " + word(d.config.Database)
	case Forbidden:
		e.Hint = "give it a schema of its own, named by search_path in the URL: psql -c 'CREATE SCHEMA infrahaus AUTHORIZATION " + d.config.User + "'"
	case Untrusted:
		e.Hint = "give the authority that signed it with sslrootcert=FILE, and the name in the certificate as host"
	case Pooled:
		e.Hint = "behind a pooler that changes connections between transactions, such as pgbouncer, add default_query_exec_mode=exec to the URL"
		if isCode(err, "08P01") {
			e.Hint = "a pooler such as pgbouncer passes few options on: leave them out of the URL, and set search_path with ALTER ROLE"
		}
	case Full:
		e.Hint = "free some space on the server, then run the command again"
	default:
		e.Kind, e.Hint = Broken, "see the server's log"
	}
	return e
}

func (d *postgres) isReady() string {
	return "pg_isready -d " + word(d.shown)
}

func (d *postgres) psql(query string) string {
	return "psql " + word(d.shown) + ` -c "` + query + `"`
}
