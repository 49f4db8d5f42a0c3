-- "durabull" before a dot is replaced by the schema in use. Moments are epoch milliseconds. Events, facts and states are text, not
-- jsonb: the order of their keys is part of the hash chain. Every record carries the number of its schema.

CREATE TABLE durabull.setting (
  name text COLLATE "C" PRIMARY KEY,
  value text NOT NULL
);

-- The heads. No column that a commit changes is indexed (but `ended_at`, once), so that updates stay within their page.
CREATE TABLE durabull.execution (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  schema_number smallint NOT NULL DEFAULT 1,
  partition integer NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  workflow_id text COLLATE "C" NOT NULL,
  -- Hash of tenant and workflow ID.
  group_hash bigint NOT NULL,
  -- The members of a head that never change, as JSON without its braces.
  identity text NOT NULL,
  status text NOT NULL,
  version bigint NOT NULL,
  tip text NOT NULL,
  settled bigint NOT NULL DEFAULT 0,
  heard bigint NOT NULL DEFAULT 0,
  -- Facts in the inbox; those of them that are messages.
  waiting integer NOT NULL DEFAULT 0,
  waiting_messages integer NOT NULL DEFAULT 0,
  started_at bigint NOT NULL,
  ended_at bigint,
  faults integer NOT NULL DEFAULT 0,
  deaths integer NOT NULL DEFAULT 0,
  not_before bigint NOT NULL DEFAULT 0,
  parked text
) WITH (fillfactor = 70);
CREATE INDEX execution_group ON durabull.execution (tenant, workflow_id, key);
-- At most one open execution of a workflow ID.
CREATE UNIQUE INDEX execution_open ON durabull.execution (tenant, workflow_id) WHERE ended_at IS NULL;

CREATE TABLE durabull.event (
  key bigint NOT NULL,
  sequence integer NOT NULL,
  schema_number smallint NOT NULL DEFAULT 1,
  at bigint NOT NULL,
  -- The event as JSON without `at`.
  body text NOT NULL,
  PRIMARY KEY (key, sequence)
);

CREATE TABLE durabull.snapshot (
  key bigint PRIMARY KEY,
  schema_number smallint NOT NULL DEFAULT 1,
  version bigint NOT NULL,
  state text NOT NULL
);

CREATE TABLE durabull.inbox (
  key bigint NOT NULL,
  -- The head's `heard`, and one more for each fact before it.
  position bigint NOT NULL,
  schema_number smallint NOT NULL DEFAULT 1,
  at bigint NOT NULL,
  is_message boolean NOT NULL,
  -- The fact as JSON without `at`.
  body text NOT NULL,
  PRIMARY KEY (key, position)
);

-- Messages ever accepted.
CREATE TABLE durabull.message (
  key bigint NOT NULL,
  id text COLLATE "C" NOT NULL,
  schema_number smallint NOT NULL DEFAULT 1,
  PRIMARY KEY (key, id)
);

CREATE TABLE durabull.owed (
  key bigint NOT NULL,
  name integer NOT NULL,
  schema_number smallint NOT NULL DEFAULT 1,
  dispatch integer NOT NULL DEFAULT 0,
  attempt integer NOT NULL DEFAULT 0,
  -- Claims neither answered nor handed back, since the last redrive: all but the latest are deaths.
  claims integer NOT NULL DEFAULT 0,
  answered boolean NOT NULL DEFAULT false,
  since bigint NOT NULL,
  look_at bigint NOT NULL,
  -- Of a timer.
  fire_at bigint,
  parked text,
  -- The work as JSON.
  body text NOT NULL,
  PRIMARY KEY (key, name)
) WITH (fillfactor = 80);

-- The two moments of an execution, apart from its head because they are indexed and change at every step. No row: never.
CREATE TABLE durabull.attention (
  key bigint PRIMARY KEY,
  schema_number smallint NOT NULL DEFAULT 1,
  partition integer NOT NULL,
  group_hash bigint NOT NULL,
  due bigint,
  look_at bigint
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX attention_group ON durabull.attention (group_hash);
CREATE INDEX attention_look ON durabull.attention (partition, look_at) WHERE look_at IS NOT NULL;

CREATE TABLE durabull.letter (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  schema_number smallint NOT NULL DEFAULT 1,
  partition integer NOT NULL,
  execution_id text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  -- Of owed work.
  name integer,
  parked_at bigint NOT NULL,
  redriven_at bigint,
  -- The letter as JSON without its moments.
  body text NOT NULL,
  UNIQUE (tenant, id)
);
CREATE INDEX letter_tenant ON durabull.letter (tenant, parked_at, number);
CREATE INDEX letter_open ON durabull.letter (partition, parked_at, number) WHERE redriven_at IS NULL;
