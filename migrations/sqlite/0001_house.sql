-- Profiles and their orders, packages, sessions, and the trail.
-- Times are milliseconds since 1970 UTC. A `body` or `sealed` column is AEAD-sealed to (table, row, column).
-- An `…_index` column is a keyed hash: equal values can be found, none can be read.

-- Facts about this store itself. 'canary' is sealed: it opens only with the right sealing key.
CREATE TABLE house (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE profile (
    iccid          TEXT    NOT NULL PRIMARY KEY,
    operator       TEXT    NOT NULL,
    profile_type   TEXT    NOT NULL,
    state          TEXT    NOT NULL CHECK (state IN ('Available', 'Allocated', 'Linked', 'Confirmed', 'Released',
                                                     'Downloaded', 'Installed', 'Error', 'Unavailable')),
    orders         INTEGER NOT NULL CHECK (orders >= 0),
    repeat_key     TEXT,
    cancelled_call TEXT,
    eid_index      BLOB,
    matching_index BLOB    UNIQUE,
    order_body     BLOB,
    updated_at     INTEGER NOT NULL,
    version        INTEGER NOT NULL CHECK (version > 0),
    -- An order is what makes a Profile leave the shelf, and stays until it is back or gone.
    CHECK ((order_body IS NULL) = (state IN ('Available', 'Unavailable')))
) STRICT;

CREATE INDEX profile_stock ON profile (operator, profile_type, state);
CREATE INDEX profile_type ON profile (profile_type);
CREATE INDEX profile_eid ON profile (eid_index, state) WHERE eid_index IS NOT NULL;
-- One call reserves one Profile, however often and however simultaneously it is repeated.
CREATE UNIQUE INDEX profile_repeat ON profile (operator, repeat_key) WHERE repeat_key IS NOT NULL;

-- The Protected Profile Package: SCP03t under random profile keys, sealed once more at rest.
CREATE TABLE package (
    iccid    TEXT    NOT NULL PRIMARY KEY REFERENCES profile (iccid),
    metadata BLOB    NOT NULL,
    octets   INTEGER NOT NULL CHECK (octets > 0),
    keys     BLOB    NOT NULL,
    sealed   BLOB    NOT NULL
) STRICT;

-- What of the last Bound Profile Package is needed to deliver it again to the same eUICC.
CREATE TABLE binding (
    iccid TEXT NOT NULL PRIMARY KEY REFERENCES profile (iccid),
    body  BLOB NOT NULL
) STRICT;

CREATE TABLE session (
    transaction_id TEXT    NOT NULL PRIMARY KEY,
    stage          TEXT    NOT NULL CHECK (stage IN ('initiated', 'authenticated', 'bound', 'ended')),
    expires_at     INTEGER NOT NULL,
    body           BLOB    NOT NULL,
    version        INTEGER NOT NULL CHECK (version > 0)
) STRICT;

CREATE INDEX session_expiry ON session (expires_at);
CREATE INDEX session_initiated ON session (transaction_id) WHERE stage = 'initiated';

-- The last notification taken in from each eUICC: its sequence numbers only rise, so a lower one is a replay.
CREATE TABLE notification (
    eid_index   BLOB    NOT NULL PRIMARY KEY,
    sequence    INTEGER NOT NULL,
    received_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE trail (
    seq   INTEGER NOT NULL PRIMARY KEY CHECK (seq > 0),
    at    INTEGER NOT NULL,
    iccid TEXT    NOT NULL,
    body  TEXT    NOT NULL,
    hash  BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE INDEX trail_iccid ON trail (iccid, seq);

CREATE TRIGGER trail_no_update BEFORE UPDATE ON trail BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END;
CREATE TRIGGER trail_no_delete BEFORE DELETE ON trail BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END;
