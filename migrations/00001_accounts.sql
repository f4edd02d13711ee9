-- +goose Up

-- Raised by each program that opens the database, and checked in each transaction that writes.
CREATE TABLE epoch (
    one   SMALLINT NOT NULL PRIMARY KEY CHECK (one = 1),
    epoch BIGINT   NOT NULL
);
INSERT INTO epoch (one, epoch) VALUES (1, 0);

-- Bare addresses as numbers. Whatever belongs to someone has a column owner; addresses of others are peers and contacts.
-- An address stays once it is here: others may name it.
CREATE TABLE jid (
    id   BIGINT NOT NULL PRIMARY KEY,
    bare TEXT   NOT NULL UNIQUE
);

CREATE TABLE account (
    owner       BIGINT   NOT NULL PRIMARY KEY,
    domain      TEXT COLLATE "C" NOT NULL,
    local       TEXT COLLATE "C" NOT NULL,
    disabled    SMALLINT NOT NULL,
    created     BIGINT   NOT NULL,
    last_seen   BIGINT   NOT NULL,  -- 0: never
    last_status TEXT     NOT NULL
);
CREATE UNIQUE INDEX account_name ON account (domain, local);

-- What is kept of a password, for each hash function (RFC 5802 §3).
CREATE TABLE credential (
    owner      BIGINT  NOT NULL,
    hash       TEXT    NOT NULL,
    iterations INTEGER NOT NULL,
    salt       BYTEA   NOT NULL,
    stored_key BYTEA   NOT NULL,
    server_key BYTEA   NOT NULL,
    PRIMARY KEY (owner, hash)
);

-- Nobody: an account without an address, whose keys are read in the place of those of an account that there is not.
INSERT INTO account (owner, domain, local, disabled, created, last_seen, last_status) VALUES (0, '', '', 1, 0, 0, '');
INSERT INTO credential (owner, hash, iterations, salt, stored_key, server_key) VALUES
    (0, 'SHA-1',   4096, 'nobodynobodynobo', 'nobodynobodynobodyno', 'nobodynobodynobodyno'),
    (0, 'SHA-256', 4096, 'nobodynobodynobo', 'nobodynobodynobodynobodynobodyno', 'nobodynobodynobodynobodynobodyno'),
    (0, 'SHA-512', 4096, 'nobodynobodynobo',
        'nobodynobodynobodynobodynobodynobodynobodynobodynobodynobodynobo',
        'nobodynobodynobodynobodynobodynobodynobodynobodynobodynobodynobo');

CREATE TABLE roster (
    owner        BIGINT   NOT NULL,
    contact      BIGINT   NOT NULL,
    name         TEXT     NOT NULL,
    groups       TEXT     NOT NULL,  -- a JSON array, or empty
    subscription SMALLINT NOT NULL,  -- 1: to, 2: from
    flags        SMALLINT NOT NULL,  -- 1: ask, 2: approved, 4: request waits, 8: listed
    request      TEXT     NOT NULL,  -- XML
    ver          BIGINT   NOT NULL,
    PRIMARY KEY (owner, contact)
);

CREATE TABLE roster_version (
    owner BIGINT NOT NULL PRIMARY KEY,
    ver   BIGINT NOT NULL
);

-- Small texts that modules keep for an account, by the module's kind and a name of its choice, whose digest stands in the index.
CREATE TABLE account_data (
    owner  BIGINT NOT NULL,
    kind   TEXT   NOT NULL,
    digest BYTEA  NOT NULL,  -- the first 16 bytes of the name's SHA-256
    name   TEXT   NOT NULL,
    text   TEXT   NOT NULL,
    PRIMARY KEY (owner, kind, digest)
);

-- The server's own secrets.
CREATE TABLE secret (
    name  TEXT  NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);
