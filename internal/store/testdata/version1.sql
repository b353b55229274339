-- A database as version 1 of the schema made it: never edit, it is history.
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
PRAGMA application_id = 1768448373;
PRAGMA user_version = 1;
INSERT INTO containers (id, doc) VALUES ('01JD0000000000000000000001', '{"id":"01JD0000000000000000000001","ctid":101,"host":"homelab","node":"pve","hostname":"web","template":"nginx","status":"ready","address":"192.0.2.5","createdAt":"2026-01-05T10:00:00Z","updatedAt":"2026-01-05T10:01:00Z"}');
INSERT INTO runs VALUES ('01JD0000000000000000000002', '01JD0000000000000000000001', 'create', '2026-01-05T10:00:00.000Z', '2026-01-05T10:01:00.000Z', 0);
INSERT INTO events VALUES ('01JD0000000000000000000002', 1, 'step', '{"seq":1,"timestamp":"2026-01-05T10:00:00.000Z","type":"step","step":"creating","percent":5,"message":"picking a CT id"}');
INSERT INTO events VALUES ('01JD0000000000000000000002', 2, 'complete', '{"seq":2,"timestamp":"2026-01-05T10:01:00.000Z","type":"complete","step":"finalizing","percent":100,"message":"ready"}');
INSERT INTO services VALUES ('01JD0000000000000000000001', '2026-01-05T10:01:00.000Z', '[{"name":"nginx","type":"systemd","status":"running"}]');
INSERT INTO sealed VALUES ('01JD0000000000000000000001', '_root', '["PASSWORD"]', 'v1:abc:one', '2026-01-05T10:00:00.000Z');
INSERT INTO sealed VALUES ('01JD0000000000000000000001', 'nginx', '["ADMIN_PASSWORD"]', 'v1:abc:two', '2026-01-05T10:01:00.000Z');
INSERT INTO steps VALUES ('01JD0000000000000000000001', 'syncing', '10-install.sh', '01JD0000000000000000000002', 'done', '{"detail":"attempt 1"}', '2026-01-05T10:00:30.000Z');
INSERT INTO pins VALUES ('01JD0000000000000000000001', 'ssh-ed25519', 'SHA256:host');
