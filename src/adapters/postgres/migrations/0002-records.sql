-- Records as JSON text, and the moments of an execution.

CREATE FUNCTION durabull.now_ms() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint;

CREATE FUNCTION durabull.json_of(e durabull.execution) RETURNS text LANGUAGE sql STABLE
RETURN '{' || e.identity || ',"status":"' || e.status || '","version":' || e.version || ',"tip":"' || e.tip
  || '","settled":' || e.settled || ',"heard":' || e.heard || ',"startedAt":' || e.started_at
  || ',"endedAt":' || coalesce(e.ended_at::text, 'null') || ',"faults":' || e.faults || ',"deaths":' || e.deaths
  || ',"notBefore":' || e.not_before || ',"parked":' || coalesce('"' || e.parked || '"', 'null') || '}';

CREATE FUNCTION durabull.json_of(o durabull.owed) RETURNS text LANGUAGE sql STABLE
RETURN left(o.body, -1) || ',"since":' || o.since || ',"lookAt":' || o.look_at || ',"dispatch":' || o.dispatch
  || ',"attempt":' || o.attempt || ',"deaths":' || greatest(o.claims - 1, 0) || ',"answered":' || o.answered::text
  || ',"parked":' || coalesce('"' || o.parked || '"', 'null') || '}';

CREATE FUNCTION durabull.json_of(l durabull.letter) RETURNS text LANGUAGE sql STABLE
RETURN left(l.body, -1) || ',"parkedAt":' || l.parked_at
  || ',"redrivenAt":' || coalesce(l.redriven_at::text, 'null') || '}';

-- An event or a fact: the moment is the store's and goes first.
CREATE FUNCTION durabull.stamped(at bigint, body text) RETURNS text LANGUAGE sql STABLE
RETURN '{"at":' || at || ',' || substr(body, 2);

CREATE FUNCTION durabull.attend(e durabull.execution, new_due bigint, new_look_at bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF new_due IS NULL AND new_look_at IS NULL THEN
    DELETE FROM durabull.attention WHERE key = e.key;
    RETURN;
  END IF;
  UPDATE durabull.attention SET due = new_due, look_at = new_look_at WHERE key = e.key;
  IF NOT FOUND THEN
    INSERT INTO durabull.attention (key, partition, group_hash, due, look_at)
    VALUES (e.key, e.partition, e.group_hash, new_due, new_look_at);
  END IF;
END $$;

-- The moments of an execution that is settled and whose inbox is empty: they follow from what it is owed.
CREATE FUNCTION durabull.attend_owed(e durabull.execution) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  next_fire bigint;
  next_look bigint;
BEGIN
  SELECT min(o.fire_at), min(o.look_at) FILTER (WHERE o.parked IS NULL AND NOT o.answered)
  INTO next_fire, next_look FROM durabull.owed o WHERE o.key = e.key;
  PERFORM durabull.attend(
    e,
    CASE WHEN e.parked IS NULL AND e.ended_at IS NULL AND e.status <> 'PAUSED' AND next_fire IS NOT NULL
      THEN greatest(next_fire, e.not_before) END,
    next_look
  );
END $$;

-- After something owed got another moment. What is due keeps its look, unless the new moment comes first.
CREATE FUNCTION durabull.attend_again(e durabull.execution, moment bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF e.settled < e.version THEN
    RETURN;
  END IF;
  IF e.waiting > 0 OR EXISTS (SELECT FROM durabull.attention a WHERE a.key = e.key AND a.due <= durabull.now_ms()) THEN
    UPDATE durabull.attention a SET look_at = moment WHERE a.key = e.key AND a.look_at > moment;
  ELSE
    PERFORM durabull.attend_owed(e);
  END IF;
END $$;
