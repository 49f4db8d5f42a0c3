CREATE FUNCTION durabull.attention_of(of_partition integer, at_most integer) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  now bigint := durabull.now_ms();
BEGIN
  RETURN (
    SELECT '[' || string_agg(
      '{"executionId":"' || e.id || '","tenant":' || to_json(e.tenant) || ',"workflowId":' || to_json(e.workflow_id)
      || ',"now":' || now || ',"due":' || (coalesce(a.due, now + 1) <= now)::text
      || ',"owed":[' || coalesce(w.list, '') || ']}', ',' ORDER BY a.look_at, a.key
    ) || ']'
    FROM (
      SELECT * FROM durabull.attention x
      WHERE x.partition = of_partition AND x.look_at <= now ORDER BY x.look_at LIMIT at_most
    ) a
    JOIN durabull.execution e ON e.key = a.key
    CROSS JOIN LATERAL (
      SELECT string_agg(durabull.json_of(o), ',' ORDER BY o.name) AS list FROM durabull.owed o
      WHERE o.key = e.key AND e.settled = e.version AND o.look_at <= now AND o.parked IS NULL AND NOT o.answered
    ) w
  );
END $$;

CREATE FUNCTION durabull.note_look(
  of_id text, names integer[], dispatches integer[], look_ats bigint[], otherwise bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  e durabull.execution;
  next_owed bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT * INTO e FROM durabull.execution x WHERE x.id = of_id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  UPDATE durabull.owed o SET dispatch = n.dispatch, look_at = n.look_at
  FROM unnest(names, dispatches, look_ats) AS n (name, dispatch, look_at)
  WHERE o.key = e.key AND o.name = n.name;
  -- What an unsettled execution is owed is looked at after it settled.
  SELECT min(o.look_at) INTO next_owed FROM durabull.owed o
  WHERE o.key = e.key AND o.parked IS NULL AND NOT o.answered AND e.settled = e.version;
  IF e.waiting > 0 OR EXISTS (SELECT FROM durabull.attention a WHERE a.key = e.key AND a.due <= durabull.now_ms()) THEN
    UPDATE durabull.attention a SET look_at = least(next_owed, otherwise) WHERE a.key = e.key;
  ELSIF e.settled = e.version THEN
    PERFORM durabull.attend_owed(e);
  ELSIF e.parked IS NULL THEN
    UPDATE durabull.attention a SET look_at = otherwise WHERE a.key = e.key;
  END IF;
END $$;

CREATE FUNCTION durabull.park(
  letter_tenant text, letter_id text, letter_partition integer, of_id text, of_kind text, of_name integer, body text
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  e durabull.execution;
BEGIN
  SELECT * INTO e FROM durabull.execution x WHERE x.id = of_id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  INSERT INTO durabull.letter (tenant, id, partition, execution_id, kind, name, parked_at, body)
  VALUES (letter_tenant, letter_id, letter_partition, of_id, of_kind, of_name, durabull.now_ms(), body)
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF of_kind = 'event' AND e.ended_at IS NULL THEN
    UPDATE durabull.execution x SET parked = letter_id WHERE x.key = e.key RETURNING * INTO e;
    IF e.settled = e.version THEN
      PERFORM durabull.attend_owed(e);
    ELSE
      PERFORM durabull.attend(e, NULL, NULL);
    END IF;
  ELSIF of_kind = 'activity' THEN
    UPDATE durabull.owed o SET parked = letter_id WHERE o.key = e.key AND o.name = of_name AND NOT o.answered;
    IF FOUND AND e.settled = e.version AND e.waiting = 0 AND NOT EXISTS (
      SELECT FROM durabull.attention a WHERE a.key = e.key AND a.due <= durabull.now_ms()
    ) THEN
      PERFORM durabull.attend_owed(e);
    END IF;
  END IF;
END $$;

CREATE FUNCTION durabull.unpark(letter_tenant text, letter_id text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  now bigint;
  l durabull.letter;
  e durabull.execution;
BEGIN
  SELECT x.* INTO e FROM durabull.letter y JOIN durabull.execution x ON x.id = y.execution_id
  WHERE y.tenant = letter_tenant AND y.id = letter_id;
  -- The same order of locks everywhere: workflow ID, head, letter.
  IF e.key IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(e.group_hash);
    SELECT * INTO e FROM durabull.execution x WHERE x.key = e.key FOR UPDATE;
  END IF;
  SELECT * INTO l FROM durabull.letter y WHERE y.tenant = letter_tenant AND y.id = letter_id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN '{"result":"unknown"}';
  ELSIF l.redriven_at IS NOT NULL THEN
    RETURN '{"result":"already-redriven"}';
  END IF;
  now := durabull.now_ms();
  IF l.kind = 'event' THEN
    UPDATE durabull.execution x SET parked = NULL, faults = 0, deaths = 0, not_before = 0
    WHERE x.key = e.key AND x.parked = l.id AND x.ended_at IS NULL;
  ELSIF l.kind = 'activity' THEN
    UPDATE durabull.owed o SET parked = NULL, claims = 0, look_at = now
    WHERE o.key = e.key AND o.parked = l.id AND NOT o.answered;
  ELSIF e.status = 'FAILED' AND EXISTS (
    SELECT FROM durabull.execution x
    WHERE x.tenant = e.tenant AND x.workflow_id = e.workflow_id AND x.ended_at IS NULL
  ) THEN
    RETURN '{"result":"workflow-id-taken"}';
  ELSE
    UPDATE durabull.execution x SET status = 'RUNNING', ended_at = NULL, waiting = 1, waiting_messages = 1, parked = NULL
    WHERE x.key = e.key AND x.status = 'FAILED';
  END IF;
  IF NOT FOUND THEN
    RETURN '{"result":"ended"}';
  END IF;
  IF l.kind = 'execution' THEN
    INSERT INTO durabull.inbox (key, position, at, is_message, body) VALUES (
      e.key, e.heard + 1, now, true,
      '{"id":' || to_json(l.id) || ',"kind":"message","source":"api-service","message":{"type":"retry","letter":'
        || to_json(l.id) || '}}'
    );
    INSERT INTO durabull.message (key, id) VALUES (e.key, l.id) ON CONFLICT DO NOTHING;
  END IF;
  UPDATE durabull.letter y SET redriven_at = now WHERE y.number = l.number RETURNING * INTO l;
  PERFORM durabull.attend(e, CASE WHEN l.kind <> 'activity' OR e.parked IS NULL THEN now END, now);
  RETURN '{"result":"redriven","letter":' || durabull.json_of(l) || '}';
END $$;

CREATE FUNCTION durabull.remove_letter(letter_tenant text, letter_id text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  l durabull.letter;
  e durabull.execution;
BEGIN
  SELECT x.* INTO e FROM durabull.letter y JOIN durabull.execution x ON x.id = y.execution_id
  WHERE y.tenant = letter_tenant AND y.id = letter_id FOR UPDATE OF x;
  SELECT * INTO l FROM durabull.letter y WHERE y.tenant = letter_tenant AND y.id = letter_id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 'unknown';
  ELSIF e.ended_at IS NULL AND (
    e.parked = l.id OR EXISTS (SELECT FROM durabull.owed o WHERE o.key = e.key AND o.parked = l.id)
  ) THEN
    RETURN 'open';
  END IF;
  DELETE FROM durabull.letter y WHERE y.number = l.number;
  RETURN 'removed';
END $$;
