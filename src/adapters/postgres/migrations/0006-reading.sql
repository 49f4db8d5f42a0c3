-- A stable function sees one moment of the database, that of the statement that calls it, in all of its own statements.

-- `known`: the latest schema number that the reader understands.
CREATE FUNCTION durabull.read_execution(
  of_id text, after integer, inbox_limit integer, with_snapshot boolean, known smallint
) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  e durabull.execution;
  s durabull.snapshot;
  first_event integer := after;
  newest smallint;
  latest smallint;
  events text;
  facts text := '';
  owed text;
BEGIN
  SELECT * INTO e FROM durabull.execution x WHERE x.id = of_id;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  IF with_snapshot AND after = 0 THEN
    SELECT * INTO s FROM durabull.snapshot x WHERE x.key = e.key;
    first_event := coalesce(s.version, 0);
  END IF;
  SELECT string_agg(durabull.stamped(v.at, v.body), ',' ORDER BY v.sequence), max(v.schema_number) INTO events, newest
  FROM durabull.event v WHERE v.key = e.key AND v.sequence > first_event;
  newest := greatest(newest, e.schema_number, s.schema_number);
  IF e.waiting > 0 AND inbox_limit > 0 THEN
    SELECT string_agg(durabull.stamped(i.at, i.body), ',' ORDER BY i.position), max(i.schema_number) INTO facts, latest
    FROM durabull.inbox i WHERE i.key = e.key AND i.position <= e.heard + inbox_limit;
    newest := greatest(newest, latest);
  END IF;
  SELECT string_agg(durabull.json_of(o), ',' ORDER BY o.name), max(o.schema_number) INTO owed, latest
  FROM durabull.owed o WHERE o.key = e.key;
  newest := greatest(newest, latest);
  IF newest > known THEN
    RETURN '{"unknownSchema":' || newest || '}';
  END IF;
  RETURN '{"head":' || durabull.json_of(e)
    || ',"snapshot":' || coalesce('{"version":' || s.version || ',"state":' || s.state || '}', 'null')
    || ',"events":[' || coalesce(events, '') || '],"inbox":[' || coalesce(facts, '')
    || '],"inboxMore":' || (e.waiting > inbox_limit)::text
    || ',"owed":[' || coalesce(owed, '') || '],"readAt":' || durabull.now_ms() || '}';
END $$;

CREATE FUNCTION durabull.due_executions(of_tenant text, of_workflow_id text, of_group_hash bigint)
RETURNS text[] LANGUAGE sql STABLE
RETURN ARRAY(
  SELECT e.id FROM durabull.attention a JOIN durabull.execution e ON e.key = a.key
  WHERE a.group_hash = of_group_hash AND a.due <= durabull.now_ms()
    AND e.tenant = of_tenant AND e.workflow_id = of_workflow_id
  ORDER BY e.key
);

CREATE FUNCTION durabull.describe_execution(of_id text) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  e durabull.execution;
BEGIN
  SELECT * INTO e FROM durabull.execution x WHERE x.id = of_id;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  RETURN '{"head":' || durabull.json_of(e)
    || ',"first":' || (SELECT durabull.stamped(v.at, v.body) FROM durabull.event v WHERE v.key = e.key AND v.sequence = 1)
    || ',"last":' || (
      SELECT durabull.stamped(v.at, v.body) FROM durabull.event v WHERE v.key = e.key AND v.sequence = e.version
    )
    || ',"owed":[' || coalesce(
      (SELECT string_agg(durabull.json_of(o), ',' ORDER BY o.name) FROM durabull.owed o WHERE o.key = e.key), ''
    )
    || '],"inbox":' || e.waiting || ',"now":' || durabull.now_ms() || '}';
END $$;

CREATE FUNCTION durabull.history_page(of_id text, after integer, at_most integer, descending boolean)
RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  e durabull.execution;
  events text;
BEGIN
  SELECT * INTO e FROM durabull.execution x WHERE x.id = of_id;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  IF descending THEN
    SELECT string_agg(durabull.stamped(v.at, v.body), ',' ORDER BY v.sequence DESC) INTO events FROM (
      SELECT * FROM durabull.event x WHERE x.key = e.key AND (after = 0 OR x.sequence < after)
      ORDER BY x.sequence DESC LIMIT at_most
    ) v;
  ELSE
    SELECT string_agg(durabull.stamped(v.at, v.body), ',' ORDER BY v.sequence) INTO events FROM (
      SELECT * FROM durabull.event x WHERE x.key = e.key AND x.sequence > after ORDER BY x.sequence LIMIT at_most
    ) v;
  END IF;
  RETURN '[' || coalesce(events, '') || ']';
END $$;
