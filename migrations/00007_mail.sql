-- +goose Up

-- The outbox. What "due" is depends on the state: 0 draft: when it was begun; 1 queued: when it is tried next; 2 failed (nobody is left to try):
-- since when; 3 gone: since when it waits for its bytes to be deleted.
CREATE TABLE mail (
    id        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    state     SMALLINT NOT NULL,
    due       BIGINT   NOT NULL,
    queued    BIGINT   NOT NULL,  -- when it was queued; 0: not yet
    tries     INTEGER  NOT NULL,
    size      BIGINT   NOT NULL,  -- in bytes, with all chunks
    chunks    INTEGER  NOT NULL,
    subject   TEXT     NOT NULL,
    language  TEXT     NOT NULL,
    reply     TEXT     NOT NULL,  -- to whom answers go: an address, and its name
    called    TEXT     NOT NULL,
    requester TEXT COLLATE "C" NOT NULL,  -- a bare JID, or nothing
    about     TEXT     NOT NULL,  -- likewise
    problem   TEXT     NOT NULL   -- why the last try came to nothing
);
CREATE INDEX mail_due ON mail (state, due, id);
CREATE INDEX mail_requester ON mail (requester);

CREATE TABLE mail_recipient (
    mail    TEXT COLLATE "C" NOT NULL,
    seq     INTEGER  NOT NULL,
    address TEXT     NOT NULL,
    name    TEXT     NOT NULL,
    state   SMALLINT NOT NULL,  -- 0: waits, 1: the relay has it, 2: failed, 3: failed, and the requester was told
    answer  TEXT     NOT NULL,  -- the relay's last
    PRIMARY KEY (mail, seq)
);

-- The bytes as they are sent, but for those lines of the header that depend on the recipients.
CREATE TABLE mail_chunk (
    mail  TEXT COLLATE "C" NOT NULL,
    seq   INTEGER NOT NULL,
    bytes BYTEA   NOT NULL,
    PRIMARY KEY (mail, seq)
);
