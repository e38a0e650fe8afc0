-- EventIDs that an SM-DS was told of, and the order that had each: none is ever used again (SGP.22 3.6.1.1).
CREATE TABLE event_used (
    event_index BLOB    NOT NULL PRIMARY KEY,
    iccid       TEXT    NOT NULL,
    orders      INTEGER NOT NULL CHECK (orders > 0)
) STRICT, WITHOUT ROWID;
