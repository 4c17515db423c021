-- Rows that came in from outside, and drafts that wait for somebody to look at them. Nothing of this
-- is ever sent. What rows brought and nobody has let out stands in a file of its own, `kept`: values
-- that are never signed, and the drafts. It stays small enough to be written anew when some of it
-- is dropped, so that nothing of that is left on the disk.

CREATE TABLE IF NOT EXISTS import_runs (
    number     INTEGER PRIMARY KEY,
    source     TEXT NOT NULL,
    run        TEXT NOT NULL,
    mapping    TEXT NOT NULL,
    touched_ms INTEGER NOT NULL,
    finished   INTEGER NOT NULL,
    rows       INTEGER NOT NULL,           -- seen so far
    UNIQUE (source, run)
) STRICT;

CREATE TABLE IF NOT EXISTS import_files (   -- what a run was a reading of
    number  INTEGER PRIMARY KEY,           -- of the run
    state   BLOB NOT NULL,                 -- digest of all keys and contents; empty: not told
    columns TEXT NOT NULL,                 -- their names, a JSON list
    taken   INTEGER NOT NULL               -- rows dealt with, from the first on
) STRICT;
CREATE INDEX IF NOT EXISTS import_files_by_state ON import_files (state);

CREATE TABLE IF NOT EXISTS import_exports ( -- runs of exports, which are no lists of their own
    number INTEGER PRIMARY KEY             -- of the run
) STRICT;

CREATE TABLE IF NOT EXISTS import_rows (
    source   TEXT NOT NULL,
    key      TEXT NOT NULL,                -- the business key, never the row number
    label    TEXT NOT NULL,                -- how people find the row: file and number
    type     TEXT NOT NULL,
    space    TEXT NOT NULL,
    topic    TEXT NOT NULL,
    thing    BLOB,                         -- NULL as long as nothing was signed
    revision BLOB,                         -- the last revise, NULL if there is none
    digest   BLOB,                         -- of what was signed last
    closure  BLOB,                         -- the last close or reopen signed for it
    closed   INTEGER NOT NULL DEFAULT 0,
    run      INTEGER NOT NULL,             -- the run that saw it last
    run_digest BLOB NOT NULL,              -- and what it said there
    pending  BLOB,                         -- what is being signed; NULL when it is noted
    PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS import_rows_by_thing ON import_rows (thing);
CREATE INDEX IF NOT EXISTS import_rows_pending ON import_rows (source) WHERE pending IS NOT NULL;

CREATE INDEX IF NOT EXISTS import_rows_saying ON import_rows (source, run_digest);

CREATE TABLE IF NOT EXISTS row_contents (   -- what rows said, by digest
    source TEXT NOT NULL,
    key    TEXT NOT NULL,
    digest BLOB NOT NULL,
    run    INTEGER NOT NULL,               -- the last run that said so
    PRIMARY KEY (source, key, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS requests (
    name    TEXT PRIMARY KEY,              -- an idempotency key
    digest  BLOB NOT NULL,
    seen_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS kept.sensitive (
    source TEXT NOT NULL,
    key    TEXT NOT NULL,
    label  TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (source, key, label)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS kept.drafts (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    source     TEXT NOT NULL,
    key        TEXT NOT NULL,
    label      TEXT NOT NULL,
    type       TEXT NOT NULL,
    space      TEXT NOT NULL,
    topic      TEXT NOT NULL,
    facts      BLOB NOT NULL,          -- empty from the moment when it no longer waits
    text       BLOB NOT NULL,          -- likewise
    digest     BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'released', 'refused', 'dropped')),
    decided_ms INTEGER,
    reason     TEXT,
    method     TEXT,
    checker    TEXT                        -- a person's name: stays here
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS kept.drafts_waiting ON drafts (source, key) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS kept.drafts_of_key ON drafts (source, key, id);

CREATE TABLE IF NOT EXISTS kept.draft_bases (  -- which version a waiting draft would replace
    draft INTEGER PRIMARY KEY,
    base  BLOB NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS kept.marks (    -- at what of a waiting draft a person must look
    draft INTEGER NOT NULL,
    place INTEGER NOT NULL,
    cell  TEXT NOT NULL,
    field TEXT NOT NULL,
    what  TEXT NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (draft, place)
) STRICT, WITHOUT ROWID;
