-- What a package says of its version, which notifications were taken in, and those that cannot be believed.

-- Major and minor version in ProfileHeader, such as '2.3'. NULL: imported before it was noted, and not checked.
-- The table is made anew, because what is small must stand before what is large: SQLite walks over all of a package to
-- reach a column behind it.
CREATE TABLE package_anew (
    iccid    TEXT    NOT NULL PRIMARY KEY REFERENCES profile (iccid),
    version  TEXT,
    octets   INTEGER NOT NULL CHECK (octets > 0),
    metadata BLOB    NOT NULL,
    keys     BLOB    NOT NULL,
    sealed   BLOB    NOT NULL
) STRICT;

INSERT INTO package_anew (iccid, octets, metadata, keys, sealed) SELECT iccid, octets, metadata, keys, sealed FROM package;
DROP TABLE package;
ALTER TABLE package_anew RENAME TO package;

-- The notifications taken in from each eUICC, each once. They may come late and out of order, so one number for
-- each eUICC (table notification of the first schema, which goes) is not enough. The newest few of an eUICC are kept; what is
-- below them counts as seen.
CREATE TABLE notification_seen (
    eid_index   BLOB    NOT NULL,
    sequence    INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (eid_index, sequence)
) STRICT, WITHOUT ROWID;

INSERT INTO notification_seen (eid_index, sequence, received_at)
    SELECT eid_index, sequence, received_at FROM notification;
DROP TABLE notification;

-- Notifications that were acknowledged and not believed: kept for a person to look at. Anybody can send them, so
-- there are few for each subject, and few in all; the oldest go first.
CREATE TABLE invalid_notification (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    sha256      TEXT    NOT NULL UNIQUE,
    received_at INTEGER NOT NULL,
    -- What it claims to be about: a transactionId, an ICCID, or nothing.
    subject     TEXT    NOT NULL,
    why         TEXT    NOT NULL,
    body        BLOB    NOT NULL
) STRICT;

CREATE INDEX invalid_notification_subject ON invalid_notification (subject, id);
CREATE INDEX invalid_notification_time ON invalid_notification (received_at);
