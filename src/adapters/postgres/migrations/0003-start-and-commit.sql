-- Each function is one operation of the port and one transaction. It takes the head's row lock before it looks at anything that the
-- lock protects: each statement of a function sees what was committed before that statement began.

-- `close_data`: the data of the event that ends an open execution, as JSON.
CREATE FUNCTION durabull.start_execution(
  new_id text, new_partition integer, new_tenant text, new_workflow_id text, new_group_hash bigint, new_identity text,
  body text, new_tip text, on_open text, reuse text, grace bigint, close_data text
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  now bigint;
  e durabull.execution;
  other durabull.execution;
  terminated text;
BEGIN
  -- A workflow ID that nobody used has no row to lock.
  PERFORM pg_advisory_xact_lock(new_group_hash);
  SELECT * INTO e FROM durabull.execution x WHERE x.id = new_id;
  IF FOUND THEN
    RETURN '{"result":"existing","head":' || durabull.json_of(e) || '}';
  END IF;
  SELECT * INTO other FROM durabull.execution x
  WHERE x.tenant = new_tenant AND x.workflow_id = new_workflow_id AND x.ended_at IS NULL FOR UPDATE;
  IF FOUND THEN
    IF on_open = 'use-existing' THEN
      RETURN '{"result":"existing","head":' || durabull.json_of(other) || '}';
    ELSIF on_open = 'reject' THEN
      RETURN '{"result":"refused","because":"open","head":' || durabull.json_of(other) || '}';
    ELSIF reuse <> 'always' THEN
      RETURN '{"result":"refused","because":"reuse","head":' || durabull.json_of(other) || '}';
    END IF;
    PERFORM durabull.terminate_execution(other, close_data, grace);
    terminated := other.id;
  ELSIF reuse <> 'always' THEN
    SELECT * INTO other FROM durabull.execution x
    WHERE x.tenant = new_tenant AND x.workflow_id = new_workflow_id ORDER BY x.key DESC LIMIT 1;
    IF FOUND AND (reuse = 'never' OR other.status <> 'FAILED') THEN
      RETURN '{"result":"refused","because":"reuse","head":' || durabull.json_of(other) || '}';
    END IF;
  END IF;
  now := durabull.now_ms();
  INSERT INTO durabull.execution (
    id, partition, tenant, workflow_id, group_hash, identity, status, version, tip, started_at
  ) VALUES (
    new_id, new_partition, new_tenant, new_workflow_id, new_group_hash, new_identity, 'PENDING', 1, new_tip, now
  ) RETURNING * INTO e;
  INSERT INTO durabull.event (key, sequence, at, body) VALUES (e.key, 1, now, body);
  INSERT INTO durabull.attention (key, partition, group_hash, due, look_at)
  VALUES (e.key, e.partition, e.group_hash, now, now + grace);
  RETURN '{"result":"created","terminated":' || coalesce('"' || terminated || '"', 'null')
    || ',"head":' || durabull.json_of(e) || '}';
END $$;

-- Ends an execution whose head is locked, at whatever version it is. The tip is that of `nextTip` in src/values/tip.ts: it must be
-- computed under the lock, or an execution that commits all the time could never be terminated.
CREATE FUNCTION durabull.terminate_execution(e durabull.execution, data text, grace bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  now bigint := durabull.now_ms();
  place bigint := e.version + 1;
  chained text := '["' || e.tip || '","execution.cancelled",' || place || ',"api-service",' || data || ']';
BEGIN
  INSERT INTO durabull.event (key, sequence, at, body) VALUES (
    e.key, place, now,
    '{"type":"execution.cancelled","sequence":' || place || ',"source":"api-service","data":' || data || '}'
  );
  DELETE FROM durabull.owed o WHERE o.key = e.key;
  DELETE FROM durabull.inbox i WHERE i.key = e.key;
  UPDATE durabull.execution x SET
    version = place, tip = left(encode(sha256(convert_to(chained, 'UTF8')), 'hex'), 32), status = 'CANCELLED',
    ended_at = now, waiting = 0, waiting_messages = 0, faults = 0, deaths = 0, not_before = 0, parked = NULL
  WHERE x.key = e.key;
  PERFORM durabull.attend(e, now, now + grace);
END $$;

-- NULL: another writer was first.
CREATE FUNCTION durabull.commit_events(
  of_id text, of_version bigint, of_tip text, of_heard bigint, taken integer,
  bodies text[], ats bigint[], new_tip text, new_status text, closes boolean, new_snapshot text, refuse_unread boolean,
  added integer[], added_bodies text[], added_fire_ats bigint[], added_look_ats bigint[], removed integer[], grace bigint
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  now bigint;
  e durabull.execution;
  taken_messages integer := 0;
  unread integer;
BEGIN
  SELECT * INTO e FROM durabull.execution x WHERE x.id = of_id FOR UPDATE;
  IF NOT FOUND OR e.version <> of_version OR e.tip <> of_tip OR e.heard <> of_heard OR e.ended_at IS NOT NULL
    OR e.waiting < taken THEN
    RETURN NULL;
  END IF;
  IF taken > 0 AND e.waiting_messages > 0 THEN
    SELECT count(*) INTO taken_messages FROM durabull.inbox i
    WHERE i.key = e.key AND i.position <= e.heard + taken AND i.is_message;
  END IF;
  unread := e.waiting_messages - taken_messages;
  IF closes AND refuse_unread AND unread > 0 THEN
    RETURN '{"result":"unread"}';
  END IF;
  now := durabull.now_ms();
  IF taken > 0 THEN
    DELETE FROM durabull.inbox i WHERE i.key = e.key AND i.position <= e.heard + taken;
  END IF;
  IF cardinality(bodies) > 0 THEN
    INSERT INTO durabull.event (key, sequence, at, body)
    SELECT e.key, e.version + n.place, n.at, n.body
    FROM unnest(bodies, ats) WITH ORDINALITY AS n (body, at, place);
  END IF;
  IF closes THEN
    DELETE FROM durabull.owed o WHERE o.key = e.key;
    IF e.waiting > taken THEN
      DELETE FROM durabull.inbox i WHERE i.key = e.key;
    END IF;
  ELSE
    IF cardinality(removed) > 0 THEN
      DELETE FROM durabull.owed o WHERE o.key = e.key AND o.name = ANY (removed);
    END IF;
    IF cardinality(added) > 0 THEN
      INSERT INTO durabull.owed (key, name, since, look_at, fire_at, body)
      SELECT e.key, n.name, now, n.look_at, n.fire_at, n.body
      FROM unnest(added, added_bodies, added_fire_ats, added_look_ats) AS n (name, body, fire_at, look_at);
    END IF;
  END IF;
  IF new_snapshot IS NOT NULL THEN
    INSERT INTO durabull.snapshot (key, version, state)
    VALUES (e.key, e.version + cardinality(bodies), new_snapshot)
    ON CONFLICT (key) DO UPDATE SET version = excluded.version, state = excluded.state,
      schema_number = excluded.schema_number;
  END IF;
  UPDATE durabull.execution x SET
    version = e.version + cardinality(bodies), tip = new_tip, status = new_status, heard = e.heard + taken,
    waiting = CASE WHEN closes THEN 0 ELSE e.waiting - taken END,
    waiting_messages = CASE WHEN closes THEN 0 ELSE unread END,
    ended_at = CASE WHEN closes THEN now END, faults = 0, deaths = 0, not_before = 0,
    parked = CASE WHEN closes THEN NULL ELSE e.parked END
  WHERE x.key = e.key RETURNING * INTO e;
  PERFORM durabull.attend(e, CASE WHEN e.parked IS NULL THEN now END, now + grace);
  RETURN '{"result":"committed","unheard":' || CASE WHEN closes THEN unread ELSE 0 END
    || ',"head":' || durabull.json_of(e) || '}';
END $$;

CREATE FUNCTION durabull.settle(of_id text, of_version bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  e durabull.execution;
BEGIN
  -- Losing this with the last moment before a power loss only means that somebody looks again.
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT * INTO e FROM durabull.execution x WHERE x.id = of_id FOR UPDATE;
  IF NOT FOUND OR e.version <> of_version OR e.waiting > 0 THEN
    RETURN false;
  END IF;
  IF e.settled <> of_version THEN
    UPDATE durabull.execution x SET settled = of_version WHERE x.key = e.key;
  END IF;
  IF e.ended_at IS NOT NULL THEN
    PERFORM durabull.attend(e, NULL, NULL);
  ELSE
    PERFORM durabull.attend_owed(e);
  END IF;
  RETURN true;
END $$;
