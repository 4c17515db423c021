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

-- Organisations let in whose needs let nobody else in.
CREATE TABLE IF NOT EXISTS unheeded (
    id BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Organisations that the operator turned away: no need of anybody lets them in.
CREATE TABLE IF NOT EXISTS turned_away (
    id BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Whom the stewards of needs named, in the order in which that became known. Never withdrawn by the
-- node itself; counts as long as the author is let in and heeded.
CREATE TABLE IF NOT EXISTS named (
    number   INTEGER PRIMARY KEY,
    space    TEXT NOT NULL,
    topic    TEXT NOT NULL,
    org      BLOB NOT NULL,
    author   BLOB NOT NULL,        -- of the need; its quota pays
    since_ms INTEGER NOT NULL,
    UNIQUE (space, topic, org, author)
) STRICT;

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
