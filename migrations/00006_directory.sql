-- +goose Up

-- Who is who: people, groups, shared mailboxes. Domains are numbers of jid.
CREATE TABLE directory (
    entry   BIGINT   NOT NULL PRIMARY KEY,  -- only PostgreSQL
    entry   INTEGER  NOT NULL PRIMARY KEY,  -- only SQLite
    domain  BIGINT   NOT NULL,
    id      TEXT COLLATE "C" NOT NULL,
    kind    SMALLINT NOT NULL,  -- 1: person, 2: group, 3: mailbox
    account TEXT COLLATE "C",   -- a bare JID
    mail    TEXT COLLATE "C",   -- the address as it is looked up
    chat    SMALLINT NOT NULL,
    name    TEXT     NOT NULL,
    rest    TEXT     NOT NULL   -- JSON
);
CREATE UNIQUE INDEX directory_id ON directory (domain, id);
CREATE UNIQUE INDEX directory_kind ON directory (domain, kind, id);
CREATE UNIQUE INDEX directory_account ON directory (account);
CREATE UNIQUE INDEX directory_mail ON directory (mail, domain);

-- The words that entries are found by, in their order, alone and with another word of the entry: place is the class of a match * 4 + the kind of
-- the entry, initial the letter that the other word begins with.
CREATE TABLE directory_word (
    domain  BIGINT   NOT NULL,
    place   SMALLINT NOT NULL,
    initial TEXT COLLATE "C" NOT NULL,
    word    TEXT COLLATE "C" NOT NULL,
    other   TEXT COLLATE "C" NOT NULL,
    entry   BIGINT   NOT NULL,
    PRIMARY KEY (domain, place, initial, word, other, entry)
)
WITHOUT ROWID  -- only SQLite
;

CREATE TABLE directory_photo (
    entry BIGINT NOT NULL PRIMARY KEY,
    photo BYTEA  NOT NULL
);

CREATE TABLE directory_member (
    team   BIGINT NOT NULL,
    person BIGINT NOT NULL,
    PRIMARY KEY (team, person)
);
CREATE INDEX directory_member_person ON directory_member (person);
