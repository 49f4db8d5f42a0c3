-- Status changes of executions, about as many of each tenant as are kept. Told in the order of the transactions that wrote them, and
-- only up to the oldest transaction that still runs: so nothing ever appears before what was told already.
CREATE TABLE durabull.change (
  tenant text COLLATE "C" NOT NULL,
  xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  number bigint GENERATED ALWAYS AS IDENTITY,
  schema_number smallint NOT NULL DEFAULT 1,
  execution_id text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  status text COLLATE "C" NOT NULL,
  ended_at bigint,
  PRIMARY KEY (tenant, xid, number)
);
-- The last change of a tenant that is not kept any more.
CREATE TABLE durabull.change_floor (
  tenant text COLLATE "C" PRIMARY KEY,
  schema_number smallint NOT NULL DEFAULT 1,
  xid bigint NOT NULL,
  number bigint NOT NULL
);

CREATE FUNCTION durabull.forget_changes(of_tenant text, kept integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  last durabull.change;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('durabull changes of ' || of_tenant, 0)) THEN
    RETURN;
  END IF;
  SELECT * INTO last FROM durabull.change c WHERE c.tenant = of_tenant ORDER BY c.xid DESC, c.number DESC OFFSET kept LIMIT 1;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  -- The floor first: nobody may find a gap that is not told.
  INSERT INTO durabull.change_floor AS f (tenant, xid, number) VALUES (of_tenant, last.xid, last.number)
  ON CONFLICT (tenant) DO UPDATE SET xid = excluded.xid, number = excluded.number
  WHERE (f.xid, f.number) < (excluded.xid, excluded.number);
  DELETE FROM durabull.change c WHERE c.tenant = of_tenant AND (c.xid, c.number) <= (last.xid, last.number);
END $$;

CREATE FUNCTION durabull.project_summary(
  of_id text, of_tenant text, of_workflow_id text, of_namespace text, of_name text, of_definition_version text, of_digest text,
  new_status text, new_ended_as text, new_version bigint, new_labels text, new_label_pairs text[], new_started_at bigint,
  new_ended_at bigint, changes_kept integer
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  old_status text;
  written bigint;
BEGIN
  SELECT s.status INTO old_status FROM durabull.summary s WHERE s.execution_id = of_id FOR UPDATE;
  INSERT INTO durabull.summary AS s (
    execution_id, tenant, workflow_id, namespace, name, definition_version, digest, status, ended_as, version, labels,
    label_pairs, started_at, ended_at
  ) VALUES (
    of_id, of_tenant, of_workflow_id, of_namespace, of_name, of_definition_version, of_digest, new_status, new_ended_as,
    new_version, new_labels, new_label_pairs, new_started_at, new_ended_at
  )
  ON CONFLICT (execution_id) DO UPDATE SET
    status = excluded.status, ended_as = excluded.ended_as, version = excluded.version, labels = excluded.labels,
    label_pairs = excluded.label_pairs, started_at = excluded.started_at, ended_at = excluded.ended_at
  WHERE s.version < excluded.version;
  IF NOT FOUND OR old_status = new_status THEN
    RETURN;
  END IF;
  INSERT INTO durabull.change (tenant, execution_id, version, status, ended_at)
  VALUES (of_tenant, of_id, new_version, new_status, new_ended_at) RETURNING number INTO written;
  IF written % greatest(1, least(256, changes_kept / 4)) = 0 THEN
    PERFORM durabull.forget_changes(of_tenant, changes_kept);
  END IF;
END $$;
