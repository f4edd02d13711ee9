-- +goose Up

-- What accounts publish (XEP-0163). Whoever reads it is asked for the node; "last" is the seq of the item that was published last.
CREATE TABLE pubsub_node (
    owner   BIGINT  NOT NULL,
    node    TEXT COLLATE "C" NOT NULL,
    config  TEXT    NOT NULL,  -- JSON
    created BIGINT  NOT NULL,
    last    BIGINT  NOT NULL,  -- 0: none
    items   INTEGER NOT NULL,
    bytes   BIGINT  NOT NULL,
    PRIMARY KEY (owner, node)
);

-- seq rises with each publication of an account's: microseconds since 1970, or a little more.
CREATE TABLE pubsub_item (
    owner   BIGINT  NOT NULL,
    node    TEXT COLLATE "C" NOT NULL,
    item    TEXT COLLATE "C" NOT NULL,
    seq     BIGINT  NOT NULL,
    length  INTEGER NOT NULL,  -- of the payload, in bytes
    payload TEXT    NOT NULL,
    PRIMARY KEY (owner, node, item)
);
CREATE UNIQUE INDEX pubsub_item_seq ON pubsub_item (owner, node, seq);

-- Those who are affiliated with a node, or have subscribed to it.
CREATE TABLE pubsub_peer (
    owner       BIGINT   NOT NULL,
    node        TEXT COLLATE "C" NOT NULL,
    peer        BIGINT   NOT NULL,
    resource    TEXT COLLATE "C" NOT NULL,
    affiliation SMALLINT NOT NULL,  -- 1: member, 2: outcast
    subscribed  SMALLINT NOT NULL,
    PRIMARY KEY (owner, node, peer, resource)
);
CREATE INDEX pubsub_peer_peer ON pubsub_peer (peer);
