-- +goose Up

-- Rooms (XEP-0045), by the number of their address. What lists are searched for stands first, and again in the index.
CREATE TABLE room (
    room    BIGINT   NOT NULL PRIMARY KEY,
    service TEXT COLLATE "C" NOT NULL,
    local   TEXT COLLATE "C" NOT NULL,
    public  SMALLINT NOT NULL,
    ends    SMALLINT NOT NULL,  -- 1: somebody has to look after its time
    members BIGINT   NOT NULL,
    created BIGINT   NOT NULL,
    words   TEXT     NOT NULL,  -- the beginning of the name, in lower case
    config  TEXT     NOT NULL,  -- JSON
    subject TEXT     NOT NULL,  -- XML
    nick    TEXT     NOT NULL,  -- of who set the subject
    said    BIGINT   NOT NULL,  -- when that was; 0: never
    avatar  TEXT     NOT NULL   -- XML
);
CREATE UNIQUE INDEX room_name ON room (service, local);
CREATE INDEX room_public ON room (service, local, words) WHERE public <> 0;
CREATE INDEX room_ends ON room (room) WHERE ends <> 0;

-- Who has an affiliation to a room, or has had one.
CREATE TABLE member (
    room        BIGINT NOT NULL,
    owner       BIGINT NOT NULL,
    affiliation TEXT   NOT NULL,  -- its name
    joined      BIGINT NOT NULL,  -- an id of the archive; 0: not a member
    last        BIGINT NOT NULL,  -- likewise; 0: never inside
    nick        TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    PRIMARY KEY (room, owner)
);
CREATE INDEX member_owner ON member (owner, room);

-- The intervals of memberships, each of somebody in member: behind an id of the archive, and before another.
CREATE TABLE stay (
    room  BIGINT NOT NULL,
    owner BIGINT NOT NULL,
    since BIGINT NOT NULL,
    upto  BIGINT NOT NULL,  -- 0: it goes on
    PRIMARY KEY (room, owner, since)
);

-- When rooms went whose addresses must not become those of others soon.
CREATE TABLE room_gone (
    room BIGINT NOT NULL PRIMARY KEY,
    at   BIGINT NOT NULL
);
