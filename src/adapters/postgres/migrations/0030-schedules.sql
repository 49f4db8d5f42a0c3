-- When registered definitions start by themselves. No record ever has a revision that another one had.
CREATE SEQUENCE durabull.schedule_revision;

CREATE TABLE durabull.schedule (
  tenant text COLLATE "C" NOT NULL,
  namespace text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  schema_number smallint NOT NULL DEFAULT 1,
  revision bigint NOT NULL,
  look_at bigint,
  body text NOT NULL,
  PRIMARY KEY (tenant, namespace, name)
);
CREATE INDEX schedule_look ON durabull.schedule (look_at) WHERE look_at IS NOT NULL;
