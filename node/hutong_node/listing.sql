-- Which things there are to list, in the order in which they are read. Derived like all of this
-- file; no words are kept here, only codes, ids, times and counts.

CREATE TABLE IF NOT EXISTS scopes (
    scope INTEGER PRIMARY KEY,
    space TEXT NOT NULL,
    topic TEXT NOT NULL,
    UNIQUE (space, topic)
) STRICT;

CREATE TABLE IF NOT EXISTS parties (
    party INTEGER PRIMARY KEY,
    org   BLOB NOT NULL UNIQUE
) STRICT;

-- What lists are narrowed by: 0 is everything, others are a place or an incident.
CREATE TABLE IF NOT EXISTS facets (
    facet  INTEGER PRIMARY KEY,
    kind   TEXT NOT NULL,
    name   TEXT NOT NULL,
    parent TEXT NOT NULL,
    UNIQUE (kind, name)
) STRICT;

CREATE TABLE IF NOT EXISTS listed (
    facet        INTEGER NOT NULL,
    scope        INTEGER NOT NULL,
    role         INTEGER NOT NULL,
    state        INTEGER NOT NULL,
    party        INTEGER NOT NULL,
    urgency      INTEGER NOT NULL,
    due_ms       INTEGER NOT NULL,
    id           BLOB NOT NULL,
    coverage     INTEGER NOT NULL,
    verification INTEGER NOT NULL,
    thing        INTEGER NOT NULL,
    PRIMARY KEY (facet, scope, role, state, party, urgency, due_ms, id)
) STRICT, WITHOUT ROWID;

-- How many rows `listed` has for each beginning of its key.
CREATE TABLE IF NOT EXISTS counts (
    facet  INTEGER NOT NULL,
    scope  INTEGER NOT NULL,
    role   INTEGER NOT NULL,
    state  INTEGER NOT NULL,
    party  INTEGER NOT NULL,
    things INTEGER NOT NULL,
    PRIMARY KEY (facet, scope, role, state, party)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS counts_by_party ON counts (party, facet);

-- How many open needs a place has in a scope: so the places with most are found without a scan.
CREATE TABLE IF NOT EXISTS places (
    scope  INTEGER NOT NULL,
    facet  INTEGER NOT NULL,
    parent TEXT NOT NULL,
    needs  INTEGER NOT NULL,
    PRIMARY KEY (scope, facet)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS places_by_needs ON places (scope, parent, needs);

-- What came last, by party: `row` counts records in the order in which this node stored them.
CREATE TABLE IF NOT EXISTS news (
    scope INTEGER NOT NULL,
    role  INTEGER NOT NULL,
    party INTEGER NOT NULL,
    row   INTEGER NOT NULL,
    thing INTEGER NOT NULL,
    PRIMARY KEY (scope, role, party, row, thing)
) STRICT, WITHOUT ROWID;

-- What stands in the tables above for a thing, to be taken out again; `due` for a change by time.
CREATE TABLE IF NOT EXISTS standings (
    thing    INTEGER PRIMARY KEY,
    state    INTEGER NOT NULL,
    until_ms INTEGER,
    said_ms  INTEGER NOT NULL,
    entry    BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS standings_by_time ON standings (state, until_ms);
