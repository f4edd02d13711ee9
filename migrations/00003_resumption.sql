-- +goose Up

-- Streams that can be resumed (XEP-0198), by the identifiers that their clients know: how many of a client's stanzas are handled for good.
-- The session itself is here while the server is down, and at no other time.
CREATE TABLE resumable (
    owner   BIGINT NOT NULL,
    id      TEXT COLLATE "C" NOT NULL,
    handled BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    session BYTEA,
    PRIMARY KEY (owner, id)
);
ALTER TABLE resumable SET (fillfactor = 70);  -- only PostgreSQL
