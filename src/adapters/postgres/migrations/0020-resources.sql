-- What a definition refers to outside of itself, as it was when it was first needed. It goes with the definition's document.
CREATE TABLE durabull.resource (
  tenant text COLLATE "C" NOT NULL,
  -- Digest of the definition.
  definition text COLLATE "C" NOT NULL,
  -- SHA-256 (hex) of the URI, which may be too long for an index.
  uri_hash text COLLATE "C" NOT NULL,
  schema_number smallint NOT NULL DEFAULT 1,
  uri text NOT NULL,
  content text NOT NULL,
  PRIMARY KEY (tenant, definition, uri_hash)
);
