-- Work that the process which asks for it begins with at once is claimed by the same commit. Who decides without reading the inbox is
-- refused while a fact waits there, while the execution is parked, and before its time.
CREATE FUNCTION durabull.commit_events(
  of_id text, of_version bigint, of_tip text, of_heard bigint, taken integer,
  bodies text[], ats bigint[], new_tip text, new_status text, closes boolean, new_snapshot text, refuse_unread boolean,
  added integer[], added_bodies text[], added_fire_ats bigint[], added_look_ats bigint[], added_claims integer[],
  removed integer[], grace bigint, unread_inbox boolean
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
  IF unread_inbox AND (e.waiting > 0 OR e.parked IS NOT NULL OR e.not_before > now) THEN
    RETURN '{"result":"unread"}';
  END IF;
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
      INSERT INTO durabull.owed (key, name, since, look_at, fire_at, attempt, claims, body)
      SELECT e.key, n.name, now, n.look_at, n.fire_at, n.claims, n.claims, n.body
      FROM unnest(added, added_bodies, added_fire_ats, added_look_ats, added_claims)
        AS n (name, body, fire_at, look_at, claims);
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

-- As builds before this one call it: nothing is claimed.
CREATE OR REPLACE FUNCTION durabull.commit_events(
  of_id text, of_version bigint, of_tip text, of_heard bigint, taken integer,
  bodies text[], ats bigint[], new_tip text, new_status text, closes boolean, new_snapshot text, refuse_unread boolean,
  added integer[], added_bodies text[], added_fire_ats bigint[], added_look_ats bigint[], removed integer[], grace bigint
) RETURNS text LANGUAGE sql AS $$
  SELECT durabull.commit_events(of_id, of_version, of_tip, of_heard, taken, bodies, ats, new_tip, new_status, closes,
    new_snapshot, refuse_unread, added, added_bodies, added_fire_ats, added_look_ats,
    array_fill(0, ARRAY[cardinality(added)]), removed, grace, false)
$$;
