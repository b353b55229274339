package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/vault"
)

// Local is this machine's own part.
type Local struct {
	Paths      config.Paths
	ConfigFile string // "" if none was read
	RedisURL   config.Secret
	Publish    bool
	Database   store.Place
}

// local are the answers of this machine.
type local struct {
	stateMode answer[fs.FileMode]       // of the state folder
	writable  error                     // why nothing can be written there
	database  answer[*store.Inspection] // nil: none yet
	key       answer[string]            // the id of the key
	opens     error                     // why the key does not open what is sealed
	redis     answer[string]            // its address
}

// askLocal looks at this machine's files and asks Redis.
func askLocal(ctx context.Context, f *Facts) {
	t := f.Target.Local
	if t == nil {
		return
	}
	l := &local{}
	f.Local = l
	dir := t.Paths.StateDir
	info, err := os.Stat(dir)
	l.stateMode.err = err
	if err == nil {
		l.stateMode.value = info.Mode()
	}
	l.writable = mayWrite(nearest(dir))
	l.database = answered(store.Inspect(ctx, t.Database))
	l.askKey(t)
	if url := t.RedisURL.Reveal(); url != "" {
		ctx, cancel := context.WithTimeout(ctx, f.Target.deadline())
		defer cancel()
		l.redis = answered(store.PingRedis(ctx, url))
	}
}

// nearest is dir, or the folder above it in which it would be made.
func nearest(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || filepath.Dir(dir) == dir {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// askKey reads the key, and tries it on one sealed value. It makes and mends nothing: a
// value of another key is compared by the key's id only.
func (l *local) askKey(t *Local) {
	v, err := vault.Open(vault.Options{KeyFile: t.Paths.KeyFile()})
	if err != nil {
		l.key.err = err
		return
	}
	l.key = answered(v.KeyID())
	if l.key.err != nil || l.database.value == nil {
		return
	}
	for _, s := range l.database.value.Sealed {
		id := vault.KeyOf(s.Envelope)
		switch {
		case id == l.key.value:
			_, l.opens = v.Unseal(s.RecordID, s.Service, s.Envelope)
		case l.database.value.Retired[id] == "" && !exists(t.Paths.KeyFile()+".old-"+id) && !exists(t.Paths.KeyFile()+".next"):
			l.opens = fmt.Errorf("the credentials on record are sealed with the key %s, and the present key is %s", id, l.key.value)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func judgeState(f *Facts) verdict {
	if f.Local == nil {
		return skip("not asked")
	}
	l, dir := f.Local, f.Target.Local.Paths.StateDir
	switch {
	case errors.Is(l.stateMode.err, fs.ErrNotExist) && l.writable == nil:
		return ok(dir + ", made by the first create")
	case l.stateMode.err != nil && !errors.Is(l.stateMode.err, fs.ErrNotExist):
		return fail(exit.Other, fmt.Sprintf("cannot use %s: %v", dir, plain(l.stateMode.err))).here("ls -ld " + quote(dir))
	case l.stateMode.err == nil && !l.stateMode.value.IsDir():
		return fail(exit.Other, dir+" is no folder").here("mv " + quote(dir) + " " + quote(dir+".old"))
	case l.writable != nil:
		return fail(exit.Other, fmt.Sprintf("cannot write %s: %v", nearest(dir), plain(l.writable))).here("export INFRAHAUS_STATE_DIR=/var/tmp/infrahaus-$USER")
	case l.stateMode.value.Perm()&0o022 != 0 && l.stateMode.value&fs.ModeSticky == 0:
		return warn(fmt.Sprintf("others may write %s (mode %04o)", dir, l.stateMode.value.Perm())).here("chmod 700 " + quote(dir))
	}
	return ok(dir)
}

func plain(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func judgeDatabase(f *Facts) verdict {
	if f.Local == nil {
		return skip("not asked")
	}
	if err := f.Local.database.err; err != nil {
		v := failed(err)
		var e *store.Error
		if errors.As(err, &e) && e.Hint != "" {
			v.detail += "; " + e.Hint
			if _, command, ok := strings.Cut(e.Hint, ": "); ok {
				v.detail = strings.TrimSuffix(v.detail, "; "+e.Hint)
				return v.here(command)
			}
		}
		return v.here("ls -l " + quote(f.Target.Local.Paths.Database()))
	}
	in := f.Local.database.value
	if f.Target.Local.Database.URL != "" {
		return judgeShared(f.Target.Local.Database, in)
	}
	switch {
	case in == nil:
		return ok("none yet, made by the first create")
	case in.Version < in.Newest:
		return ok(fmt.Sprintf("of version %d; the next command makes version %d of it and keeps a copy", in.Version, in.Newest))
	case in.Containers == 1:
		return ok("1 container on record")
	}
	return ok(fmt.Sprintf("%d containers on record", in.Containers))
}

// judgeShared judges a database that many machines share and that answers.
func judgeShared(at store.Place, in *store.Inspection) verdict {
	switch {
	case in == nil:
		return ok(store.ShownURL(at.URL) + " answers; its tables are made by the first create")
	case in.ReadOnly:
		return fail(exit.Other, in.Where+" is read-only: it may be a standby").here("psql " + quote(in.Where) + ` -c "SELECT pg_is_in_recovery()"`)
	case in.Version < in.Newest:
		return warn(fmt.Sprintf("%s is of version %d; the next command makes version %d of it, and then no older infrahaus can use it", in.Where, in.Version, in.Newest))
	}
	return ok(fmt.Sprintf("%d containers on record in %s, PostgreSQL %s", in.Containers, in.Where, in.Server))
}

func judgeKey(f *Facts) verdict {
	if f.Local == nil {
		return skip("not asked")
	}
	l, file := f.Local, f.Target.Local.Paths.KeyFile()
	sealed := l.database.value != nil && len(l.database.value.Sealed) > 0
	switch {
	case errors.Is(l.key.err, vault.ErrNoKey) && !sealed:
		return ok("none yet, made by the first create")
	case errors.Is(l.key.err, vault.ErrNoKey):
		return fail(exit.Other, "credentials are on record, and their key "+file+" is gone: get it back from a backup").here("ls -l " + quote(filepath.Dir(file)))
	case l.key.err != nil:
		v := failed(l.key.err)
		if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o077 != 0 {
			return v.here("chmod 600 " + quote(file))
		}
		return v.here("ls -l " + quote(filepath.Dir(file)))
	case l.opens != nil:
		v := failed(l.opens)
		v.exit = exit.Other
		return v.here("ls -l " + quote(filepath.Dir(file)))
	}
	return ok("key " + l.key.value)
}

func judgeRedis(f *Facts) verdict {
	switch {
	case f.Local == nil || f.Target.Local.RedisURL.Reveal() == "" && !f.Target.Local.Publish:
		return skip("not configured")
	case f.Target.Local.RedisURL.Reveal() == "":
		return warn("publish is on, and no redis.url is set").here(f.Target.setting("INFRAHAUS_REDIS_URL=redis://localhost:6379"))
	case f.Local.redis.err != nil:
		where := f.Local.redis.value
		host, port, _ := strings.Cut(where, ":")
		v := warn(fmt.Sprintf("%s: %v; runs go on without it", where, f.Local.redis.err))
		if port != "" {
			return v.here("redis-cli -h " + quote(host) + " -p " + quote(port) + " ping")
		}
		return v.here(f.Target.setting("INFRAHAUS_REDIS_URL=redis://localhost:6379"))
	}
	return ok(f.Local.redis.value)
}

// userOf splits user@realm!token.
func userOf(login string) (user, token string) {
	i := strings.LastIndexByte(login, '!')
	if i < 0 {
		return login, ""
	}
	return login[:i], login[i+1:]
}

func itoa(n int) string { return strconv.Itoa(n) }
