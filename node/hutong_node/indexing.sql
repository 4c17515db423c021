-- Derived from the store of records; may be deleted at any time and is then made again.

CREATE TABLE IF NOT EXISTS properties (
    name  TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS things (
    thing          INTEGER PRIMARY KEY,
    space          TEXT NOT NULL,
    topic          TEXT NOT NULL,
    id             BLOB NOT NULL,
    type           TEXT,                -- NULL as long as the first record isn't held
    closed         INTEGER NOT NULL,
    valid_until_ms INTEGER,
    basis          BLOB NOT NULL,
    UNIQUE (space, topic, id)
) STRICT;
CREATE INDEX IF NOT EXISTS things_by_type ON things (type, space, topic, id);
CREATE INDEX IF NOT EXISTS things_by_id ON things (id);

-- Whom the stewards of needs named, each once, in the order in which the index found it.
CREATE TABLE IF NOT EXISTS namings (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    space  TEXT NOT NULL,
    topic  TEXT NOT NULL,
    org    BLOB NOT NULL,
    author BLOB NOT NULL,
    UNIQUE (space, topic, org, author)
) STRICT;

CREATE TABLE IF NOT EXISTS members (
    thing  INTEGER NOT NULL REFERENCES things,
    record BLOB NOT NULL,
    row    INTEGER NOT NULL,            -- of the record in the store
    PRIMARY KEY (thing, record)
) STRICT, WITHOUT ROWID;
