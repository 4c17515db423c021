-- Everything that a node must not lose. Derived tables (record_ids) say so.
-- Numbers of organisations, scopes, logs and rows are this store's own and never leave it.

CREATE TABLE properties (
    name  TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE scopes (
    scope   INTEGER PRIMARY KEY,
    space   TEXT NOT NULL,
    topic   TEXT NOT NULL,
    counter INTEGER NOT NULL,      -- grows with every change of a head or identity entry
    root    BLOB NOT NULL,
    nodes   BLOB NOT NULL,         -- the 64 node hashes of the digest tree
    UNIQUE (space, topic)
) STRICT;

CREATE TABLE tree_nodes (
    place   INTEGER PRIMARY KEY,   -- scope * 64 + number of the node
    buckets BLOB NOT NULL          -- its 64 bucket hashes
) STRICT;

CREATE TABLE orgs (
    org        INTEGER PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE,
    digest     BLOB NOT NULL,      -- of its identity heads; empty while no event is held
    frozen     INTEGER NOT NULL,
    part_bytes INTEGER NOT NULL,   -- bytes of parts held, for quotas
    logs       INTEGER NOT NULL    -- number of its logs, for quotas
) STRICT;

CREATE TABLE identity_events (
    number INTEGER PRIMARY KEY,    -- order of arrival
    org    INTEGER NOT NULL REFERENCES orgs,
    id     BLOB NOT NULL,
    held   INTEGER NOT NULL,       -- 0: waits for others, and there may be several copies
    event  BLOB NOT NULL           -- [body, signatures, attachment] as it travels
) STRICT;
CREATE INDEX identity_events_by_org ON identity_events (org, number);

CREATE TABLE scope_orgs (
    scope     INTEGER NOT NULL REFERENCES scopes,
    org       INTEGER NOT NULL REFERENCES orgs,
    id        BLOB NOT NULL,       -- of the organisation, for the order of listings
    digest    BLOB NOT NULL,       -- as in the tree
    changed   INTEGER NOT NULL,    -- counter of the scope when the entry last changed
    clock_max INTEGER NOT NULL,    -- highest clock of its records here
    PRIMARY KEY (scope, org)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX scope_orgs_by_id ON scope_orgs (scope, id);

CREATE TABLE logs (
    log        INTEGER PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE,
    scope      INTEGER NOT NULL REFERENCES scopes,
    org        INTEGER NOT NULL REFERENCES orgs,
    writer     BLOB NOT NULL,
    delegation BLOB NOT NULL,
    head_seq   INTEGER NOT NULL,
    head       BLOB NOT NULL,
    closed     INTEGER NOT NULL,
    erases     INTEGER NOT NULL,   -- 1 once it holds an erase record: such logs are sent first
    changed    INTEGER NOT NULL    -- counter of the scope when the head last changed
) STRICT;
CREATE UNIQUE INDEX logs_by_scope ON logs (scope, id);
CREATE INDEX logs_by_change ON logs (scope, changed);

-- Appended in the order of arrival and only ever overwritten in place: a page of this table is never
-- split, so that no stale copy of a part survives on another page when the part is erased.
CREATE TABLE records (
    row   INTEGER PRIMARY KEY,
    id    BLOB NOT NULL,
    body  BLOB NOT NULL,           -- the header without log, seq and prev
    parts BLOB                     -- states and room of its parts; NULL for a record without parts
) STRICT;

-- Which rows hold which part of a log: one row for as many records as arrived together.
CREATE TABLE pieces (
    first_row INTEGER PRIMARY KEY,
    log       INTEGER NOT NULL REFERENCES logs,
    first_seq INTEGER NOT NULL,
    records   INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX pieces_by_log ON pieces (log, first_seq);

CREATE TABLE seals (
    log       INTEGER NOT NULL REFERENCES logs,
    seq       INTEGER NOT NULL,
    signature BLOB NOT NULL,       -- verified before it was stored
    checksum  INTEGER NOT NULL,    -- CRC-32, against rot
    bytes     INTEGER NOT NULL,    -- headers and declared parts since the seal before
    PRIMARY KEY (log, seq)
) STRICT, WITHOUT ROWID;

-- Parts that came after their record. Append-only for the reason given at `records`.
CREATE TABLE late_parts (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    row      INTEGER NOT NULL REFERENCES records,
    position INTEGER NOT NULL,
    content  BLOB NOT NULL,        -- salt and bytes
    UNIQUE (row, position)
) STRICT;

CREATE TABLE missing_parts (
    scope INTEGER NOT NULL REFERENCES scopes,
    id    BLOB NOT NULL,
    row   INTEGER NOT NULL REFERENCES records,
    mask  INTEGER NOT NULL,
    PRIMARY KEY (scope, id)
) STRICT, WITHOUT ROWID;

-- What erase records say, whether or not their target is held. Effect is a function of this table.
CREATE TABLE erasures (
    scope      INTEGER NOT NULL REFERENCES scopes,
    target     BLOB NOT NULL,
    row        INTEGER NOT NULL REFERENCES records,
    log        INTEGER NOT NULL REFERENCES logs,
    mask       INTEGER NOT NULL,
    target_row INTEGER REFERENCES records,
    PRIMARY KEY (scope, target, row)
) STRICT, WITHOUT ROWID;
CREATE INDEX erasures_without_target ON erasures (scope, target) WHERE target_row IS NULL;

-- Rows whose parts changed after they had arrived: came late, were erased or found rotten.
CREATE TABLE part_changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    row    INTEGER NOT NULL REFERENCES records
) STRICT;

-- Derived: from the first 48 bits of a record's id to its row, filled behind the property `ids_to`.
CREATE TABLE record_ids (
    prefix INTEGER NOT NULL,
    row    INTEGER NOT NULL,
    PRIMARY KEY (prefix, row)
) STRICT, WITHOUT ROWID;

-- Two runs, without parts, that differ at `seq`.
CREATE TABLE fork_proofs (
    log      INTEGER NOT NULL REFERENCES logs,
    seq      INTEGER NOT NULL,
    head_seq INTEGER NOT NULL,     -- last record of the refused run
    head     BLOB NOT NULL,
    held     BLOB NOT NULL,        -- encoded runs
    refused  BLOB NOT NULL,
    found_ms INTEGER NOT NULL,
    PRIMARY KEY (log, head)
) STRICT, WITHOUT ROWID;

-- Logs that this node writes or wrote. `retired` tells why it never will again.
CREATE TABLE own_logs (
    id       BLOB PRIMARY KEY,
    scope    INTEGER NOT NULL REFERENCES scopes,
    writer   BLOB NOT NULL,
    seq      INTEGER NOT NULL,     -- of a retired log: the last record known to have existed
    head     BLOB NOT NULL,
    clock    INTEGER NOT NULL,     -- the last written into it
    identity BLOB NOT NULL,        -- the identity heads last written into it
    retired  TEXT
) STRICT, WITHOUT ROWID;

-- What was published under an idempotency key.
CREATE TABLE publications (
    name      TEXT PRIMARY KEY,
    request   BLOB NOT NULL,
    log       BLOB NOT NULL,
    first_seq INTEGER NOT NULL,
    records   BLOB NOT NULL,       -- their ids joined
    made_ms   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Small things that the shell wants to find again; losing one costs time, never data.
CREATE TABLE hints (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
