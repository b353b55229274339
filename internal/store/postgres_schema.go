package store

// postgresMigrations take a PostgreSQL schema from version i to i+1, as migrations do with
// SQLite's. Version 6 is the first that PostgreSQL had. Texts sort by their bytes, as in SQLite.
// ctid is a name of PostgreSQL's own, so the column is vmid.
var postgresMigrations = []string{5: `
CREATE TABLE infrahaus (
	name TEXT PRIMARY KEY,
	value TEXT NOT NULL
);
CREATE TABLE hosts (
	id TEXT COLLATE "C" PRIMARY KEY,
	name TEXT COLLATE "C" NOT NULL
);
CREATE TABLE host_facts (
	host_id TEXT COLLATE "C" NOT NULL REFERENCES hosts (id),
	kind TEXT COLLATE "C" NOT NULL,
	value TEXT COLLATE "C" NOT NULL,
	seen_at TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (host_id, kind, value)
);
CREATE TABLE containers (
	id TEXT COLLATE "C" PRIMARY KEY,
	doc TEXT NOT NULL,
	vmid BIGINT GENERATED ALWAYS AS (CAST(CAST(doc AS json) ->> 'ctid' AS BIGINT)) STORED,
	hostname TEXT COLLATE "C" GENERATED ALWAYS AS (lower(CAST(doc AS json) ->> 'hostname')) STORED,
	status TEXT COLLATE "C" GENERATED ALWAYS AS (CAST(doc AS json) ->> 'status') STORED,
	host_id TEXT COLLATE "C" REFERENCES hosts (id)
);
CREATE INDEX containers_by_name ON containers (host_id, hostname);
CREATE INDEX containers_by_vmid ON containers (host_id, vmid);
CREATE TABLE runs (
	id TEXT COLLATE "C" PRIMARY KEY,
	record_id TEXT COLLATE "C" NOT NULL REFERENCES containers (id),
	kind TEXT NOT NULL,
	started_at TEXT COLLATE "C" NOT NULL,
	ended_at TEXT COLLATE "C",
	exit_status BIGINT,
	pid BIGINT,
	machine TEXT,
	command TEXT,
	user_name TEXT,
	version TEXT,
	home TEXT,
	beat BIGINT,
	taken_by TEXT
);
CREATE INDEX runs_by_record ON runs (record_id, id);
CREATE INDEX runs_unended ON runs (record_id) WHERE ended_at IS NULL;
CREATE TABLE events (
	run_id TEXT COLLATE "C" NOT NULL REFERENCES runs (id),
	seq BIGINT NOT NULL,
	type TEXT NOT NULL,
	doc TEXT NOT NULL,
	PRIMARY KEY (run_id, seq)
);
CREATE TABLE log_chunks (
	run_id TEXT COLLATE "C" NOT NULL REFERENCES runs (id),
	n BIGINT NOT NULL,
	lines BYTEA NOT NULL,
	PRIMARY KEY (run_id, n)
);
CREATE TABLE services (
	record_id TEXT COLLATE "C" PRIMARY KEY REFERENCES containers (id),
	discovered_at TEXT NOT NULL,
	doc TEXT NOT NULL
);
CREATE TABLE sealed (
	record_id TEXT COLLATE "C" NOT NULL REFERENCES containers (id),
	service TEXT COLLATE "C" NOT NULL,
	keys TEXT NOT NULL,
	envelope TEXT NOT NULL,
	updated_at TEXT NOT NULL,
	PRIMARY KEY (record_id, service)
);
CREATE TABLE steps (
	record_id TEXT COLLATE "C" NOT NULL REFERENCES containers (id),
	phase TEXT COLLATE "C" NOT NULL,
	item TEXT COLLATE "C" NOT NULL,
	run_id TEXT NOT NULL,
	state TEXT NOT NULL,
	detail TEXT NOT NULL,
	updated_at TEXT NOT NULL,
	PRIMARY KEY (record_id, phase, item)
);
CREATE TABLE pins (
	record_id TEXT COLLATE "C" NOT NULL REFERENCES containers (id),
	kind TEXT COLLATE "C" NOT NULL,
	fingerprint TEXT NOT NULL,
	PRIMARY KEY (record_id, kind)
);
CREATE TABLE jobs (
	record_id TEXT COLLATE "C" PRIMARY KEY REFERENCES containers (id),
	doc TEXT NOT NULL,
	updated_at TEXT NOT NULL
);
CREATE TABLE retired_keys (
	id TEXT COLLATE "C" PRIMARY KEY,
	envelope TEXT NOT NULL,
	retired_at TEXT NOT NULL
);
CREATE TABLE shared (
	name TEXT COLLATE "C" PRIMARY KEY,
	envelope TEXT NOT NULL,
	public TEXT NOT NULL,
	updated_at TEXT NOT NULL
);
CREATE TABLE unread (
	record_id TEXT COLLATE "C" NOT NULL,
	service TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (record_id, service)
);
CREATE TABLE chores (
	name TEXT PRIMARY KEY,
	detail TEXT NOT NULL
);
`, `
CREATE TABLE queue (
	id TEXT COLLATE "C" PRIMARY KEY,
	record_id TEXT COLLATE "C" NOT NULL REFERENCES containers (id),
	verb TEXT COLLATE "C" NOT NULL,
	format BIGINT NOT NULL,
	priority BIGINT NOT NULL,
	host TEXT COLLATE "C" NOT NULL,
	node TEXT COLLATE "C" NOT NULL,
	making BIGINT NOT NULL,
	attempt BIGINT NOT NULL,
	state TEXT COLLATE "C" NOT NULL,
	worker TEXT COLLATE "C" NOT NULL,
	run_id TEXT COLLATE "C" NOT NULL,
	template TEXT COLLATE "C" NOT NULL,
	doc TEXT COLLATE "C" NOT NULL,
	offer BIGINT NOT NULL,
	beat BIGINT NOT NULL,
	stop TEXT COLLATE "C" NOT NULL,
	created_at TEXT COLLATE "C" NOT NULL,
	started_at TEXT COLLATE "C",
	ended_at TEXT COLLATE "C",
	exit_status BIGINT,
	error TEXT COLLATE "C" NOT NULL
);
CREATE INDEX queue_open ON queue (state, priority, id) WHERE state IN ('queued', 'running');
CREATE INDEX queue_by_record ON queue (record_id, id);
CREATE TABLE queue_after (
	job_id TEXT COLLATE "C" NOT NULL REFERENCES queue (id),
	after_id TEXT COLLATE "C" NOT NULL REFERENCES queue (id),
	PRIMARY KEY (job_id, after_id)
);
CREATE INDEX queue_after_by_first ON queue_after (after_id);
CREATE TABLE workers (
	id TEXT COLLATE "C" PRIMARY KEY,
	doc TEXT COLLATE "C" NOT NULL,
	format BIGINT NOT NULL,
	state TEXT COLLATE "C" NOT NULL,
	started_at TEXT COLLATE "C" NOT NULL,
	seen_at TEXT COLLATE "C" NOT NULL,
	beat BIGINT NOT NULL
);
ALTER TABLE runs ADD COLUMN job TEXT COLLATE "C";
`, `
CREATE TABLE templates (
	digest TEXT COLLATE "C" PRIMARY KEY,
	archive TEXT COLLATE "C" NOT NULL,
	created_at TEXT COLLATE "C" NOT NULL
);
CREATE INDEX queue_by_template ON queue (template) WHERE template <> '' AND state <> 'done';
`, `
ALTER TABLE containers ADD COLUMN address TEXT COLLATE "C" GENERATED ALWAYS AS (CAST(doc AS json) ->> 'address') STORED;
CREATE INDEX containers_by_address ON containers (host_id, address);
`}
