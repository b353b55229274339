package store

// applicationID marks the file as ours ("ihau"), so that the database of another program
// is never migrated.
const applicationID = 0x69686175

// migrations take the schema from version i to i+1. They are never edited after a
// release. Records are kept as JSON; the columns that queries need are generated from it
// and cannot contradict it.
var migrations = []string{`
CREATE TABLE containers (
	id TEXT PRIMARY KEY,
	doc TEXT NOT NULL,
	host TEXT GENERATED ALWAYS AS (json_extract(doc, '$.host')) VIRTUAL,
	ctid INTEGER GENERATED ALWAYS AS (json_extract(doc, '$.ctid')) VIRTUAL,
	hostname TEXT COLLATE NOCASE GENERATED ALWAYS AS (json_extract(doc, '$.hostname')) VIRTUAL,
	status TEXT GENERATED ALWAYS AS (json_extract(doc, '$.status')) VIRTUAL
);
CREATE INDEX containers_by_name ON containers (host, hostname);
CREATE INDEX containers_by_ctid ON containers (host, ctid);
CREATE TABLE runs (
	id TEXT PRIMARY KEY,
	record_id TEXT NOT NULL REFERENCES containers (id),
	kind TEXT NOT NULL,
	started_at TEXT NOT NULL,
	ended_at TEXT,
	exit_status INTEGER
);
CREATE INDEX runs_by_record ON runs (record_id, id);
CREATE TABLE events (
	run_id TEXT NOT NULL REFERENCES runs (id),
	seq INTEGER NOT NULL,
	type TEXT NOT NULL,
	doc TEXT NOT NULL,
	PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;
CREATE TABLE services (
	record_id TEXT PRIMARY KEY REFERENCES containers (id),
	discovered_at TEXT NOT NULL,
	doc TEXT NOT NULL
);
CREATE TABLE sealed (
	record_id TEXT NOT NULL REFERENCES containers (id),
	service TEXT NOT NULL,
	keys TEXT NOT NULL,
	envelope TEXT NOT NULL,
	updated_at TEXT NOT NULL,
	PRIMARY KEY (record_id, service)
) WITHOUT ROWID;
CREATE TABLE steps (
	record_id TEXT NOT NULL REFERENCES containers (id),
	phase TEXT NOT NULL,
	item TEXT NOT NULL,
	run_id TEXT NOT NULL,
	state TEXT NOT NULL,
	detail TEXT NOT NULL,
	updated_at TEXT NOT NULL,
	PRIMARY KEY (record_id, phase, item)
) WITHOUT ROWID;
CREATE TABLE pins (
	record_id TEXT NOT NULL REFERENCES containers (id),
	kind TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	PRIMARY KEY (record_id, kind)
) WITHOUT ROWID;
`, `
CREATE TABLE jobs (
	record_id TEXT PRIMARY KEY REFERENCES containers (id),
	doc TEXT NOT NULL,
	updated_at TEXT NOT NULL
) WITHOUT ROWID;
`, `
CREATE TABLE retired_keys (
	id TEXT PRIMARY KEY,
	envelope TEXT NOT NULL,
	retired_at TEXT NOT NULL
) WITHOUT ROWID;
`, `
CREATE TABLE unread (
	record_id TEXT NOT NULL,
	service TEXT NOT NULL,
	PRIMARY KEY (record_id, service)
) WITHOUT ROWID;
CREATE TABLE chores (
	name TEXT PRIMARY KEY,
	detail TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO unread SELECT record_id, service FROM sealed WHERE substr(service, 1, 1) <> '_';
INSERT INTO chores SELECT 'scrub', '' WHERE EXISTS (SELECT 1 FROM containers);
-- A process of an older program may live on and save what it has read.
CREATE TRIGGER sealed_inserted AFTER INSERT ON sealed WHEN substr(NEW.service, 1, 1) <> '_' BEGIN
	INSERT INTO unread SELECT NEW.record_id, NEW.service WHERE NOT EXISTS (
		SELECT 1 FROM unread WHERE record_id = NEW.record_id AND service = NEW.service);
END;
CREATE TRIGGER sealed_replaced AFTER UPDATE OF keys ON sealed WHEN substr(NEW.service, 1, 1) <> '_' BEGIN
	INSERT INTO unread SELECT NEW.record_id, NEW.service WHERE NOT EXISTS (
		SELECT 1 FROM unread WHERE record_id = NEW.record_id AND service = NEW.service);
END;
`, `
CREATE TABLE hosts (
	id TEXT PRIMARY KEY,
	name TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE host_facts (
	host_id TEXT NOT NULL REFERENCES hosts (id),
	kind TEXT NOT NULL,
	value TEXT NOT NULL,
	seen_at TEXT NOT NULL,
	PRIMARY KEY (host_id, kind, value)
) WITHOUT ROWID;
INSERT INTO hosts (id, name)
	SELECT upper(hex(randomblob(13))), host FROM (SELECT DISTINCT host FROM containers WHERE host IS NOT NULL);
INSERT INTO host_facts (host_id, kind, value, seen_at)
	SELECT id, 'name', name, strftime('%Y-%m-%dT%H:%M:%fZ', 'now') FROM hosts;
DROP INDEX containers_by_name;
DROP INDEX containers_by_ctid;
ALTER TABLE containers ADD COLUMN host_id TEXT REFERENCES hosts (id);
UPDATE containers SET host_id = (SELECT id FROM hosts WHERE name = host);
CREATE INDEX containers_by_name ON containers (host_id, hostname);
CREATE INDEX containers_by_ctid ON containers (host_id, ctid);
-- A process of an older program may live on and make records.
CREATE TRIGGER containers_host AFTER INSERT ON containers WHEN NEW.host_id IS NULL BEGIN
	INSERT INTO hosts (id, name) SELECT upper(hex(randomblob(13))), json_extract(NEW.doc, '$.host')
		WHERE NOT EXISTS (SELECT 1 FROM hosts WHERE name = json_extract(NEW.doc, '$.host'));
	UPDATE containers SET host_id = (SELECT id FROM hosts WHERE name = host) WHERE id = NEW.id;
END;
ALTER TABLE runs ADD COLUMN pid INTEGER;
ALTER TABLE runs ADD COLUMN machine TEXT;
ALTER TABLE runs ADD COLUMN command TEXT;
`, `
CREATE TABLE infrahaus (
	name TEXT PRIMARY KEY,
	value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE shared (
	name TEXT PRIMARY KEY,
	envelope TEXT NOT NULL,
	public TEXT NOT NULL,
	updated_at TEXT NOT NULL
) WITHOUT ROWID;
ALTER TABLE runs ADD COLUMN user_name TEXT;
ALTER TABLE runs ADD COLUMN version TEXT;
ALTER TABLE runs ADD COLUMN home TEXT;
ALTER TABLE runs ADD COLUMN beat INTEGER;
ALTER TABLE runs ADD COLUMN taken_by TEXT;
CREATE INDEX runs_unended ON runs (record_id) WHERE ended_at IS NULL;
`, `
CREATE TABLE queue (
	id TEXT PRIMARY KEY,
	record_id TEXT NOT NULL REFERENCES containers (id),
	verb TEXT NOT NULL,
	format INTEGER NOT NULL,
	priority INTEGER NOT NULL,
	host TEXT NOT NULL,
	node TEXT NOT NULL,
	making INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	state TEXT NOT NULL,
	worker TEXT NOT NULL,
	run_id TEXT NOT NULL,
	template TEXT NOT NULL,
	doc TEXT NOT NULL,
	offer INTEGER NOT NULL,
	beat INTEGER NOT NULL,
	stop TEXT NOT NULL,
	created_at TEXT NOT NULL,
	started_at TEXT,
	ended_at TEXT,
	exit_status INTEGER,
	error TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX queue_open ON queue (state, priority, id) WHERE state IN ('queued', 'running');
CREATE INDEX queue_by_record ON queue (record_id, id);
CREATE TABLE queue_after (
	job_id TEXT NOT NULL REFERENCES queue (id),
	after_id TEXT NOT NULL REFERENCES queue (id),
	PRIMARY KEY (job_id, after_id)
) WITHOUT ROWID;
CREATE INDEX queue_after_by_first ON queue_after (after_id);
CREATE TABLE workers (
	id TEXT PRIMARY KEY,
	doc TEXT NOT NULL,
	format INTEGER NOT NULL,
	state TEXT NOT NULL,
	started_at TEXT NOT NULL,
	seen_at TEXT NOT NULL,
	beat INTEGER NOT NULL
) WITHOUT ROWID;
ALTER TABLE runs ADD COLUMN job TEXT;
`, `
CREATE TABLE templates (
	digest TEXT PRIMARY KEY,
	archive TEXT NOT NULL,
	created_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX queue_by_template ON queue (template) WHERE template <> '' AND state <> 'done';
`, `
ALTER TABLE containers ADD COLUMN address TEXT GENERATED ALWAYS AS (json_extract(doc, '$.address')) VIRTUAL;
CREATE INDEX containers_by_address ON containers (host_id, address);
`}

// SchemaVersion is the version of the database that this program writes.
func SchemaVersion() int { return len(migrations) }
