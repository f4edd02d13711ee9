-- +goose Up

-- One row for each message in each archive that it is in (XEP-0313). Ids rise over the whole database, in the order of commits:
-- milliseconds since 1970 << 20 | a counter. SQLite keeps the rows in that order, and ends every index with the id by itself.
CREATE TABLE archive (
    owner  BIGINT   NOT NULL,
    id     BIGINT   NOT NULL,              -- only PostgreSQL
    id     INTEGER  NOT NULL PRIMARY KEY,  -- only SQLite
    peer   BIGINT   NOT NULL,
    kind   SMALLINT NOT NULL,  -- 1: sent, 2: waits, 4: tombstone, 64: hidden
    digest BIGINT,             -- of a first copy, which one that is sent again is known by
    stream BIGINT,             -- that a first copy came on
    stanza BYTEA    NOT NULL
);
ALTER TABLE archive ADD PRIMARY KEY (owner, id);         -- only PostgreSQL
CREATE INDEX archive_owner ON archive (owner);           -- only SQLite
CREATE INDEX archive_peer ON archive (owner, peer);      -- only SQLite
CREATE INDEX archive_peer ON archive (owner, peer, id);  -- only PostgreSQL
CREATE UNIQUE INDEX archive_digest ON archive (owner, digest) WHERE digest IS NOT NULL;

-- No id of the archive that was ever given is above this one.
ALTER TABLE epoch ADD COLUMN ids BIGINT NOT NULL DEFAULT 0;

-- Up to where everything has reached a client of an account's that does not ask the archive (XEP-0160).
CREATE TABLE delivered (
    owner BIGINT NOT NULL PRIMARY KEY,
    upto  BIGINT NOT NULL
);

-- Archives of accounts that were deleted: up to this id nobody sees them any more, and they go bit by bit.
CREATE TABLE erasing (
    archive BIGINT NOT NULL PRIMARY KEY,
    upto    BIGINT NOT NULL
);
