-- `asked`: of an answer; NULL for a message.
CREATE FUNCTION durabull.append_fact(
  of_id text, fact_id text, asked integer, body text, max_inbox integer, grace bigint
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  now bigint;
  e durabull.execution;
  was_answered boolean;
  was_due bigint;
  was_look_at bigint;
BEGIN
  SELECT * INTO e FROM durabull.execution x WHERE x.id = of_id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 'unknown';
  END IF;
  IF asked IS NULL THEN
    IF EXISTS (SELECT FROM durabull.message m WHERE m.key = e.key AND m.id = fact_id) THEN
      RETURN 'duplicate';
    ELSIF e.ended_at IS NOT NULL THEN
      RETURN 'closed';
    ELSIF e.waiting_messages >= max_inbox THEN
      RETURN 'full';
    END IF;
    INSERT INTO durabull.message (key, id) VALUES (e.key, fact_id);
  ELSE
    IF e.ended_at IS NOT NULL THEN
      RETURN 'closed';
    END IF;
    SELECT o.answered INTO was_answered FROM durabull.owed o WHERE o.key = e.key AND o.name = asked;
    IF was_answered IS NULL THEN
      RETURN 'not-owed';
    ELSIF was_answered THEN
      RETURN 'duplicate';
    END IF;
    UPDATE durabull.owed o SET answered = true WHERE o.key = e.key AND o.name = asked;
  END IF;
  now := durabull.now_ms();
  INSERT INTO durabull.inbox (key, position, at, is_message, body)
  VALUES (e.key, e.heard + e.waiting + 1, now, asked IS NULL, body);
  UPDATE durabull.execution x SET
    waiting = e.waiting + 1, waiting_messages = e.waiting_messages + (asked IS NULL)::integer
  WHERE x.key = e.key;
  IF e.parked IS NOT NULL THEN
    RETURN 'accepted';
  END IF;
  SELECT a.due, a.look_at INTO was_due, was_look_at FROM durabull.attention a WHERE a.key = e.key;
  -- What is due already keeps its moments: facts that keep coming must not put off the look.
  IF was_due IS NULL OR was_due > greatest(now, e.not_before) OR was_look_at IS NULL OR was_look_at > now + grace THEN
    PERFORM durabull.attend(e, least(was_due, greatest(now, e.not_before)), least(was_look_at, now + grace));
  END IF;
  RETURN 'accepted';
END $$;

CREATE FUNCTION durabull.claim(of_id text, of_name integer, lease bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  e durabull.execution;
  o durabull.owed;
  asked text;
  moment bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT * INTO e FROM durabull.execution x WHERE x.id = of_id FOR UPDATE;
  moment := durabull.now_ms() + lease;
  UPDATE durabull.owed w SET attempt = w.attempt + 1, claims = w.claims + 1, look_at = moment
  WHERE w.key = e.key AND w.name = of_name AND w.fire_at IS NULL AND NOT w.answered AND w.parked IS NULL
  RETURNING * INTO o;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  PERFORM durabull.attend_again(e, moment);
  SELECT durabull.stamped(v.at, v.body) INTO asked FROM durabull.event v WHERE v.key = e.key AND v.sequence = of_name;
  RETURN '{"head":' || durabull.json_of(e) || ',"event":' || asked || ',"attempt":' || o.attempt
    || ',"deaths":' || o.claims - 1 || '}';
END $$;

CREATE FUNCTION durabull.release_claim(of_id text, of_name integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  UPDATE durabull.owed o SET claims = o.claims - 1
  FROM durabull.execution e WHERE e.id = of_id AND o.key = e.key AND o.name = of_name AND o.claims > 0;
END $$;

-- In the order of the claims: whether each is still owed.
CREATE FUNCTION durabull.renew_claims(ids text[], names integer[], lease bigint) RETURNS boolean[] LANGUAGE plpgsql AS $$
DECLARE
  e durabull.execution;
  moment bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  -- All in one order, so that two who renew do not wait for each other.
  FOR e IN SELECT * FROM durabull.execution x WHERE x.id = ANY (ids) ORDER BY x.key FOR UPDATE LOOP
    moment := durabull.now_ms() + lease;
    UPDATE durabull.owed o SET look_at = moment
    FROM unnest(ids, names) AS c (id, name)
    WHERE c.id = e.id AND o.key = e.key AND o.name = c.name AND NOT o.answered AND o.parked IS NULL;
    IF FOUND THEN
      PERFORM durabull.attend_again(e, moment);
    END IF;
  END LOOP;
  RETURN ARRAY(
    SELECT EXISTS (
      SELECT FROM durabull.execution x JOIN durabull.owed o ON o.key = x.key
      WHERE x.id = c.id AND o.name = c.name AND NOT o.answered AND o.parked IS NULL
    )
    FROM unnest(ids, names) WITH ORDINALITY AS c (id, name, place) ORDER BY c.place
  );
END $$;

CREATE FUNCTION durabull.count_fault(of_id text, is_death boolean, delay bigint, grace bigint)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  e durabull.execution;
BEGIN
  SELECT * INTO e FROM durabull.execution x WHERE x.id = of_id FOR UPDATE;
  IF NOT FOUND OR e.ended_at IS NOT NULL THEN
    RETURN 0;
  ELSIF is_death THEN
    UPDATE durabull.execution x SET deaths = e.deaths + 1 WHERE x.key = e.key;
    RETURN e.deaths + 1;
  END IF;
  UPDATE durabull.execution x SET faults = e.faults + 1, not_before = durabull.now_ms() + delay
  WHERE x.key = e.key RETURNING * INTO e;
  IF e.parked IS NULL THEN
    PERFORM durabull.attend(e, e.not_before, e.not_before + grace);
  END IF;
  RETURN e.faults;
END $$;
