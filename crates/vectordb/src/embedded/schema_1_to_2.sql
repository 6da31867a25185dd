-- Schema 2 beside schema 1: a pack may lack an encoder, a space has a metric and
-- a width, a source may be an import. SQLite changes no constraint of a table,
-- so each is made anew with the rows of the old one and takes its name.

CREATE TABLE new_pack (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL UNIQUE,
    feature_dim INTEGER NOT NULL CHECK (feature_dim >= 0)
) STRICT;
INSERT INTO new_pack SELECT id, name, fingerprint, feature_dim FROM pack;
DROP TABLE pack;
ALTER TABLE new_pack RENAME TO pack;

CREATE TABLE new_space (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    pack         INTEGER NOT NULL REFERENCES pack (id),
    name         TEXT    NOT NULL,
    dim          INTEGER NOT NULL CHECK (dim > 0),
    from_feature INTEGER NOT NULL CHECK (from_feature IN (0, 1)),
    metric       TEXT    NOT NULL CHECK (metric IN ('cosine', 'ip', 'l2')),
    bits         INTEGER NOT NULL CHECK (bits IN (16, 32)),
    UNIQUE (pack, name)
) STRICT;
INSERT INTO new_space SELECT id, pack, name, dim, from_feature, 'cosine', 16 FROM space;
DROP TABLE space;
ALTER TABLE new_space RENAME TO space;

CREATE TABLE new_source (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    collection   INTEGER NOT NULL REFERENCES collection (id),
    kind         INTEGER NOT NULL CHECK (kind IN (0, 1, 2)),
    root         BLOB    NOT NULL,
    root_text    TEXT    NOT NULL,
    online       INTEGER NOT NULL CHECK (online IN (0, 1)),
    last_scan_ns INTEGER,
    row_check    INTEGER NOT NULL,
    UNIQUE (collection, kind, root)
) STRICT;
INSERT INTO new_source
    SELECT id, collection, kind, root, root_text, online, last_scan_ns, row_check FROM source;
DROP TABLE source;
ALTER TABLE new_source RENAME TO source;
