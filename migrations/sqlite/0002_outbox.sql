-- What waits to be told to somebody outside: put here in the transaction of the move that it is about, and deleted
-- when it is delivered. `receiver`, `title` and `last_error` are for people; EID and result are in `body`, sealed.
CREATE TABLE outbox (
    id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- The functionCallIdentifier, the same at every repetition.
    call       TEXT    NOT NULL UNIQUE,
    receiver   TEXT    NOT NULL,
    iccid      TEXT    NOT NULL REFERENCES profile (iccid),
    title      TEXT    NOT NULL,
    body       BLOB    NOT NULL,
    queued_at  INTEGER NOT NULL,
    -- When this series of tries began: after so many days without success the errand is given up.
    since      INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    tries      INTEGER NOT NULL CHECK (tries >= 0),
    last_error TEXT,
    -- The receiver answered and refused this one: those behind it need not wait for it.
    aside      INTEGER NOT NULL CHECK (aside IN (0, 1)),
    given_up   INTEGER NOT NULL CHECK (given_up IN (0, 1))
) STRICT;

CREATE INDEX outbox_lane ON outbox (receiver, id) WHERE given_up = 0;
CREATE INDEX outbox_iccid ON outbox (iccid, id);
