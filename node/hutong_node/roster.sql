-- What the operator of this node decided, and what it remembers for people: never replicated.

CREATE TABLE IF NOT EXISTS settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS organisations (
    id       BLOB PRIMARY KEY,     -- let in: its records are taken in the scopes held
    note     TEXT NOT NULL,        -- the operator's own words for it
    since_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS subscriptions (
    space TEXT NOT NULL,
    topic TEXT NOT NULL,
    PRIMARY KEY (space, topic)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS peers (
    org         BLOB PRIMARY KEY,
    endpoint    TEXT,              -- NULL: it dials us
    certificate BLOB,              -- pinned SHA-256; NULL on loopback without TLS
    since_ms    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS invites (
    nonce      BLOB PRIMARY KEY,
    scopes     TEXT NOT NULL,      -- JSON array of pairs
    expires_ms INTEGER NOT NULL,
    used_by    BLOB                -- the organisation that joined with it
) STRICT, WITHOUT ROWID;
