CREATE TABLE durabull.tenant (
  name text COLLATE "C" PRIMARY KEY,
  schema_number smallint NOT NULL DEFAULT 1
);

CREATE TABLE durabull.definition (
  tenant text COLLATE "C" NOT NULL,
  namespace text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  version text COLLATE "C" NOT NULL,
  schema_number smallint NOT NULL DEFAULT 1,
  -- Sorts as the versions do.
  version_order text COLLATE "C" NOT NULL,
  is_release boolean NOT NULL,
  listed boolean NOT NULL DEFAULT true,
  digest text COLLATE "C" NOT NULL,
  -- As JSON text: the digest is of this order of keys.
  document text NOT NULL,
  source text NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (tenant, namespace, name, version)
);
CREATE INDEX definition_digest ON durabull.definition (tenant, digest);
CREATE INDEX definition_list ON durabull.definition (tenant, namespace, name, version_order DESC, version DESC) WHERE listed;

-- Run without being registered.
CREATE TABLE durabull.document (
  tenant text COLLATE "C" NOT NULL,
  digest text COLLATE "C" NOT NULL,
  schema_number smallint NOT NULL DEFAULT 1,
  namespace text NOT NULL,
  name text NOT NULL,
  version text NOT NULL,
  document text NOT NULL,
  source text NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (tenant, digest)
);

-- What the lists show of an execution. Its indexed columns change once, when it ends.
CREATE TABLE durabull.summary (
  execution_id text COLLATE "C" PRIMARY KEY,
  schema_number smallint NOT NULL DEFAULT 1,
  tenant text COLLATE "C" NOT NULL,
  workflow_id text COLLATE "C" NOT NULL,
  namespace text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  definition_version text COLLATE "C" NOT NULL,
  digest text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  -- The status, once it has ended.
  ended_as text COLLATE "C",
  version bigint NOT NULL,
  -- As JSON text, and each label as the JSON text of key and value.
  labels text NOT NULL,
  label_pairs text[] COLLATE "C" NOT NULL,
  started_at bigint NOT NULL,
  ended_at bigint
) WITH (fillfactor = 80);
CREATE INDEX summary_list ON durabull.summary (tenant, started_at DESC, execution_id DESC);
CREATE INDEX summary_workflow ON durabull.summary (tenant, workflow_id, started_at DESC);
CREATE INDEX summary_open ON durabull.summary (tenant, namespace, name, started_at DESC) WHERE ended_as IS NULL;
CREATE INDEX summary_ended ON durabull.summary (tenant, ended_as, started_at DESC) WHERE ended_as IS NOT NULL;
CREATE INDEX summary_label ON durabull.summary USING gin (label_pairs) WHERE label_pairs <> '{}';

-- Every name ever announced, and by whom until when.
CREATE TABLE durabull.function (
  name text COLLATE "C" PRIMARY KEY,
  schema_number smallint NOT NULL DEFAULT 1,
  queue text,
  last_seen_at bigint NOT NULL
);
CREATE TABLE durabull.announcement (
  worker text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  schema_number smallint NOT NULL DEFAULT 1,
  expires_at bigint NOT NULL,
  PRIMARY KEY (worker, name)
);
CREATE INDEX announcement_name ON durabull.announcement (name, expires_at);

CREATE FUNCTION durabull.put_definition(
  of_tenant text, of_namespace text, of_name text, of_version text, new_order text, new_is_release boolean,
  new_digest text, new_document text, new_source text
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  d durabull.definition;
  is_first boolean;
BEGIN
  -- One at a time for each name, so that exactly one of them is the first.
  PERFORM pg_advisory_xact_lock(hashtextextended(json_build_array(of_tenant, of_namespace, of_name)::text, 0));
  SELECT * INTO d FROM durabull.definition x
  WHERE x.tenant = of_tenant AND x.namespace = of_namespace AND x.name = of_name AND x.version = of_version FOR UPDATE;
  IF FOUND THEN
    IF d.digest <> new_digest THEN
      RETURN 'conflict';
    ELSIF d.listed THEN
      RETURN 'identical';
    END IF;
    UPDATE durabull.definition x SET listed = true
    WHERE x.tenant = of_tenant AND x.namespace = of_namespace AND x.name = of_name AND x.version = of_version;
    RETURN 'created';
  END IF;
  is_first := NOT EXISTS (
    SELECT FROM durabull.definition x WHERE x.tenant = of_tenant AND x.namespace = of_namespace AND x.name = of_name
  );
  INSERT INTO durabull.definition (
    tenant, namespace, name, version, version_order, is_release, digest, document, source, created_at
  ) VALUES (
    of_tenant, of_namespace, of_name, of_version, new_order, new_is_release, new_digest, new_document, new_source,
    durabull.now_ms()
  );
  RETURN CASE WHEN is_first THEN 'created-first' ELSE 'created' END;
END $$;
