package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisScrubTimeout limits the whole cleaning; a stream has up to streamLength entries.
const redisScrubTimeout = 30 * time.Second

// cleanRedis removes the leaked texts from the mirror and notes the result in e. It
// returns no error, because Redis must never fail a command. Consumers may have read the
// texts long ago.
func (s *Store) cleanRedis(ctx context.Context, f *found, address string, redact func(string) string, e *Exposure) {
	if address == "" {
		return
	}
	opt, err := redisOptions(address)
	if err != nil {
		e.Redis, e.Trouble = "?", err.Error()
		return
	}
	ctx, cancel := context.WithTimeout(ctx, redisScrubTimeout)
	defer cancel()
	client := redis.NewClient(opt)
	defer client.Close()
	e.Redis = opt.Addr
	c := redisCleaner{client, func(recordID, doc string) string { return f.cleanDoc(recordID, doc, redact) }}
	if e.Removed, err = c.stream(ctx); err == nil {
		err = c.containers(ctx, s)
	}
	if err != nil {
		e.Trouble = redisTrouble(err)
	}
}

type redisCleaner struct {
	client *redis.Client
	clean  func(recordID, doc string) string
}

// stream deletes entries, because an entry of a stream cannot be changed.
func (c redisCleaner) stream(ctx context.Context) (removed int, err error) {
	const page = 1000
	for from := "-"; ; {
		entries, err := c.client.XRangeN(ctx, streamKey, from, "+", page).Result()
		if err != nil {
			return removed, err
		}
		var drop []string
		for _, entry := range entries {
			id, _ := entry.Values["containerId"].(string)
			doc, _ := entry.Values["event"].(string)
			if c.clean(id, doc) != doc {
				drop = append(drop, entry.ID)
			}
		}
		if len(drop) > 0 {
			n, err := c.client.XDel(ctx, streamKey, drop...).Result()
			removed += int(n)
			if err != nil {
				return removed, err
			}
		}
		if len(entries) < page {
			return removed, nil
		}
		from = "(" + entries[len(entries)-1].ID
	}
}

// containers cleans the list of events and the services of every container.
func (c redisCleaner) containers(ctx context.Context, s *Store) error {
	all, err := s.Containers(ctx, Filter{IncludeDestroyed: true})
	if err != nil {
		return err
	}
	for _, one := range all {
		if err := c.ring(ctx, one.RecordID); err != nil {
			return err
		}
		key := servicesKey(one.RecordID)
		doc, err := c.client.Get(ctx, key).Result()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return err
		}
		if now := c.clean(one.RecordID, doc); now != doc && json.Valid([]byte(now)) {
			if err := c.client.Set(ctx, key, now, redis.KeepTTL).Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// ring rewrites a container's list, unless another client changes it at the same time.
func (c redisCleaner) ring(ctx context.Context, recordID string) error {
	key := ringKey(recordID)
	return c.client.Watch(ctx, func(tx *redis.Tx) error {
		list, err := tx.LRange(ctx, key, 0, -1).Result()
		if err != nil || len(list) == 0 {
			return err
		}
		life, err := tx.PTTL(ctx, key).Result()
		if err != nil {
			return err
		}
		now := make([]any, len(list))
		changed := false
		for i, doc := range list {
			clean := c.clean(recordID, doc)
			changed = changed || clean != doc
			now[i] = clean
		}
		if !changed {
			return nil
		}
		_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Del(ctx, key)
			p.RPush(ctx, key, now...)
			if life > 0 {
				p.PExpire(ctx, key, life)
			}
			return nil
		})
		return err
	}, key)
}
