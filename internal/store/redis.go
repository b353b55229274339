package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// The keys and how long they are kept. They are those of the original system, whose
// consumers must keep working, and one stream.
const (
	ringLength   = 2000
	ringLife     = 48 * time.Hour
	streamKey    = "infrahaus:events"
	streamLength = 100_000
)

func progressKey(recordID string) string { return "container:" + recordID + ":progress" }
func ringKey(recordID string) string     { return "container:" + recordID + ":logs" }
func servicesKey(recordID string) string { return "container:" + recordID + ":services" }

// redisOptions parses an address. go-redis must not retry, because the mirror decides
// what is sent again, and must not log to the terminal.
func redisOptions(address string) (*redis.Options, error) {
	if !strings.Contains(address, "://") {
		address = "redis://" + address
	}
	opt, err := redis.ParseURL(address)
	if err != nil || opt.Addr == "" { // err repeats the address with its password
		return nil, errors.New("cannot understand the redis address: expected redis://[user:password@]host:port[/db]")
	}
	opt.Protocol = 2
	opt.DisableIdentity = true
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	opt.MaxRetries = -1
	opt.DialerRetries = 1
	opt.PoolSize = 1
	opt.ContextTimeoutEnabled = true
	opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout = exchangeTimeout, exchangeTimeout, exchangeTimeout
	redis.SetLogger(silence{})
	return opt, nil
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// send writes a batch in one transaction. kept reports that Redis has certainly not
// executed it, so it may be sent again.
func (m *Mirror) send(batch []item) (err error, kept bool) {
	ctx, cancel := context.WithTimeout(context.Background(), exchangeTimeout)
	defer cancel()
	_, err = m.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		rings := map[string][]any{}
		for _, i := range batch {
			switch {
			case i.deletion:
				p.Del(ctx, servicesKey(i.recordID))
			case i.event == nil:
				p.Set(ctx, servicesKey(i.recordID), i.services, 0)
			default:
				p.Publish(ctx, progressKey(i.recordID), i.event)
				p.XAdd(ctx, &redis.XAddArgs{Stream: streamKey, MaxLen: streamLength, Approx: true,
					Values: []any{"containerId", i.recordID, "runId", i.runID, "event", i.event}})
				rings[i.recordID] = append(rings[i.recordID], i.event)
			}
		}
		for id, events := range rings {
			p.RPush(ctx, ringKey(id), events...)
			p.LTrim(ctx, ringKey(id), -ringLength, -1)
			p.Expire(ctx, ringKey(id), ringLife)
		}
		return nil
	})
	return err, refused(err)
}

// refused reports whether Redis refused the whole transaction for a temporary reason.
func refused(err error) bool {
	var re redis.Error
	if err == nil || !errors.As(err, &re) {
		return false
	}
	for _, word := range []string{"EXECABORT", "OOM", "LOADING", "READONLY", "MASTERDOWN", "MISCONF", "BUSY", "NOAUTH", "NOREPLICAS"} {
		if strings.HasPrefix(re.Error(), word) {
			return true
		}
	}
	return false
}

// redisTrouble describes an error in a few words, without an address.
func redisTrouble(err error) string {
	var re redis.Error
	var ne net.Error
	var oe *net.OpError
	switch {
	case errors.As(err, &re):
		return "redis says " + re.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &ne) && ne.Timeout():
		return fmt.Sprintf("no answer within %v", exchangeTimeout)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "it closed the connection"
	case errors.As(err, &oe):
		return oe.Err.Error()
	}
	return "what answers there is not redis"
}

// servicesDoc has the field names of the original for its readers, beside ours.
func servicesDoc(services []lxc.Service, address string, at time.Time) []byte {
	type entry struct {
		lxc.Service
		Port     int  `json:"port,omitempty"` // the first
		IsSystem bool `json:"isSystem"`
	}
	list := make([]entry, len(services))
	for i, s := range services {
		s.CredentialKeys = nil
		list[i] = entry{Service: s, IsSystem: s.System}
		if len(s.Ports) > 0 {
			list[i].Port = s.Ports[0].Port
		}
	}
	doc, err := json.Marshal(struct {
		Services     []entry `json:"services"`
		ContainerIP  string  `json:"containerIp"`
		DiscoveredAt string  `json:"discoveredAt"`
	}{list, address, formatTime(at)})
	if err != nil { // cannot happen: it has only strings and numbers
		return []byte("{}")
	}
	return doc
}
