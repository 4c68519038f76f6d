/**
 * Rules for SQL that cost nothing on one machine and are needed on several (docs/decisions/0056). PostgreSQL accepts
 * everything, so only this test notices.
 */
export interface Statement {
  place: string;
  sql: string;
}

interface Rule {
  name: string;
  breaks: (statement: Statement) => boolean;
  /** SQL that must be refused, and SQL like it that must not. */
  planted: string[];
  allowed: string[];
}

const changes = /(?<!\bFOR |\bNO KEY |\bBEFORE |\bAFTER |\bON )\bUPDATE\b|\bDELETE FROM\b|\bMERGE INTO\b/;

const changesRows = (sql: string) => changes.test(sql);

const writesRows = (sql: string) => changesRows(sql) || /\bINSERT INTO\b/.test(sql);

const volatile =
  /\b(clock_timestamp|now|random|gen_random_uuid|uuidv7|nextval|timeofday)\s*\(|\b(CURRENT_TIMESTAMP|CURRENT_DATE|LOCALTIMESTAMP)\b/i;

/** A foreign key between tables of two aggregates would tie both to one machine forever. */
const references = new Set([
  'reservation_lines → reservations',
  'order_lines → orders',
  'sagas → orders',
  'saga_transitions → sagas',
]);

/** Each child beside its parent, whose row an engine with foreign keys wants to see first. */
const parents = [...references].map((key) => key.split(' → ') as [child: string, parent: string]);

const insertedAt = (sql: string, table: string) => sql.search(new RegExp(`\\bINSERT INTO ${table}\\b`));

/** What an ALTER TABLE does, one by one. */
const actionsOf = (sql: string) =>
  sql.match(/\b(?:ADD|DROP|ALTER|VALIDATE|RENAME) (?:COLUMN|CONSTRAINT|CHECK|PRIMARY|UNIQUE|FOREIGN)\b/g) ??
  [];

const foreignKeysOf = (sql: string) => {
  const table = /\b(?:CREATE|ALTER) TABLE (?:IF (?:NOT )?EXISTS )?(\w+)/.exec(sql)?.[1];
  return [...sql.matchAll(/\bREFERENCES (\w+)/g)].map((match) => `${table} → ${match[1]}`);
};

export const rules: Rule[] = [
  {
    name: 'no volatile function where rows are changed (read the clock once after the locks, pass it on)',
    breaks: ({ sql }) => changesRows(sql) && volatile.test(sql),
    planted: [
      `UPDATE sagas SET next_run_at = clock_timestamp() WHERE order_id = $1`,
      `DELETE FROM inbox WHERE received_at < now()`,
      `INSERT INTO counters (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET at = CURRENT_TIMESTAMP`,
      `UPDATE outbox SET id = gen_random_uuid()`,
      `WITH due AS (SELECT id FROM outbox FOR UPDATE) UPDATE outbox o SET priority = random() FROM due`,
    ],
    allowed: [
      `INSERT INTO inbox (received_at) VALUES (clock_timestamp())`,
      `WITH locked AS MATERIALIZED (SELECT id FROM orders FOR UPDATE) SELECT id, clock_timestamp() AS now FROM locked`,
      `UPDATE outbox SET relayed_at = $2::timestamptz WHERE id = $1`,
      `INSERT INTO keys (id, at) VALUES ($1, clock_timestamp()) ON CONFLICT DO NOTHING`,
    ],
  },
  {
    name: 'no time plus or minus an interval on a column where rows are changed',
    breaks: ({ sql }) =>
      changesRows(sql) &&
      (/\b[a-z_]+(?:\.[a-z_]+)?\s*[-+]\s*(?:[^,;()+-]*\*\s*)?(?:interval\b|make_interval)/.test(sql) ||
        /\binterval\s*'[^']*'\s*(?:\*[^,;()+-]*)?[-+]\s*[a-z_]+/.test(sql)),
    planted: [
      `UPDATE reservations SET expires_at = expires_at + interval '1 minute' WHERE id = $1`,
      `DELETE FROM inbox i WHERE i.received_at + $1::int * interval '1 hour' < $2`,
      `UPDATE reservations SET expires_at = interval '1 minute' + expires_at`,
      `UPDATE reservations SET expires_at = expires_at + make_interval(secs => $2)`,
    ],
    allowed: [
      `SELECT id FROM reservations WHERE expires_at + interval '5 seconds' < $1`,
      `UPDATE reservations SET expires_at = greatest(expires_at, $2::timestamptz) WHERE id = $1`,
    ],
  },
  {
    name: 'no function of the session’s settings over columns where rows are changed (make the value before)',
    breaks: ({ sql }) =>
      changesRows(sql) &&
      /\b(?:jsonb?_build_(?:object|array)|to_jsonb?|row_to_json|concat|concat_ws|format|to_char)\s*\(/i.test(
        sql,
      ),
    planted: [
      `UPDATE orders SET payload = jsonb_build_object('status', status) WHERE id = $1`,
      `DELETE FROM outbox WHERE payload = to_jsonb(type)`,
      `INSERT INTO counters AS c (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET facts = json_build_array(c.name)`,
    ],
    allowed: [
      `SELECT jsonb_build_object('status', status) FROM orders`,
      `UPDATE orders SET payload = payload || $2::jsonb WHERE id = $1`,
      `INSERT INTO facts (what) SELECT jsonb_build_object('status', status) FROM orders`,
    ],
  },
  {
    name: 'no clock inside a CASE or coalesce() where rows are changed',
    breaks: ({ sql }) => {
      const change = sql.slice(Math.max(0, sql.search(changes)));
      return (
        changes.test(sql) &&
        /\b(?:CASE\b(?:(?!\bEND\b)[^])*|coalesce\s*\((?:[^()]|\([^()]*\))*)\bstatement_timestamp\s*\(/i.test(
          change,
        )
      );
    },
    planted: [
      `UPDATE sagas SET lease_expires_at = CASE WHEN attempt > 0 THEN statement_timestamp() END`,
      `UPDATE orders SET ended_at = coalesce(ended_at, statement_timestamp())`,
      `DELETE FROM leases WHERE coalesce(expires_at, statement_timestamp()) < $1`,
    ],
    allowed: [
      `UPDATE sagas SET attempt = CASE WHEN attempt > 0 THEN 1 END, next_run_at = statement_timestamp()`,
      `INSERT INTO workers (id, at) SELECT $1, coalesce($2, statement_timestamp()) ON CONFLICT (id) DO UPDATE SET at = excluded.at`,
    ],
  },
  {
    name: 'no CASE of a value where rows are written: CASE WHEN value = …',
    breaks: ({ sql }) => writesRows(sql) && /\bCASE\s+(?!WHEN\b)/i.test(sql),
    planted: [
      `UPDATE orders o SET ended_at = CASE n.status WHEN 'pending' THEN NULL ELSE n.at END FROM n WHERE o.id = n.id`,
      `INSERT INTO outbox (type) SELECT CASE status WHEN 'placed' THEN 'order.placed' END FROM orders`,
      `DELETE FROM orders WHERE CASE status\n WHEN 'placed' THEN true END`,
    ],
    allowed: [
      `UPDATE orders SET ended_at = CASE WHEN status = 'pending' THEN NULL ELSE $2::timestamptz END`,
      `SELECT CASE status WHEN 'placed' THEN 1 ELSE 0 END FROM orders`,
    ],
  },
  {
    name: 'a search that stands inside another statement names a column',
    breaks: ({ sql }) => /^\s*SELECT\s+(?:FROM\b|…\s*$)|\bFROM\s*\(\s*SELECT\s+FROM\b/.test(sql),
    planted: [
      `SELECT FROM outbox WHERE applied_at IS NULL`,
      `SELECT …`,
      `WITH t AS (INSERT INTO leases (id) VALUES ($1) RETURNING id) SELECT (SELECT 1 FROM (SELECT FROM outbox LIMIT 1) AS one) FROM t`,
    ],
    allowed: [
      `SELECT id FROM outbox WHERE NOT EXISTS (SELECT FROM outbox earlier WHERE earlier.id < $1)`,
      `SELECT …, o.id FROM orders o`,
    ],
  },
  {
    name: 'no child row before its parent in one statement',
    breaks: ({ sql }) =>
      parents.some(([child, parent]) => {
        const [first, then] = [insertedAt(sql, child), insertedAt(sql, parent)];
        return first >= 0 && then > first;
      }),
    planted: [
      `WITH line AS (INSERT INTO order_lines (order_id) VALUES ($1)) INSERT INTO orders (id) VALUES ($1)`,
      `WITH saga AS (INSERT INTO sagas (order_id) VALUES ($1)), made AS (INSERT INTO orders (id) VALUES ($1)) SELECT 1`,
    ],
    allowed: [
      `WITH made AS (INSERT INTO orders (id) VALUES ($1)) INSERT INTO order_lines (order_id) VALUES ($1)`,
      `INSERT INTO order_lines (order_id) VALUES ($1)`,
    ],
  },
  {
    name: 'no table that is missing from the log: it stops the move of its cell, and a standby has it empty',
    breaks: ({ sql }) => /\bUNLOGGED\b/i.test(sql),
    planted: [`CREATE UNLOGGED TABLE activity (second timestamptz)`, `ALTER TABLE activity SET UNLOGGED`],
    allowed: [`ALTER TABLE activity SET LOGGED`],
  },
  {
    name: 'no sum is an integer of four bytes: several products of a billion units exceed it',
    breaks: ({ sql }) =>
      /\bsum\s*\((?:[^()]|\([^()]*\))*\)(?:\s*FILTER\s*\((?:[^()]|\([^()]*\))*\))?(?:,\s*0\))?::int\b/.test(
        sql,
      ),
    planted: [
      `SELECT sum(on_hand)::int FROM stock_levels`,
      `SELECT coalesce(sum(l.quantity), 0)::int FROM reservation_lines l`,
      `SELECT coalesce(sum(l.quantity) FILTER (WHERE r.status = 'active'), 0)::int FROM r`,
    ],
    allowed: [`SELECT sum(on_hand)::bigint, count(*)::int FROM stock_levels`],
  },
  {
    name: 'no sequence: a number is a counter in the row that it numbers',
    breaks: ({ sql }) =>
      /\bnextval\b|\b(?:SMALL|BIG)?SERIAL\b|\bAS IDENTITY\b|\bCREATE SEQUENCE\b/i.test(sql),
    planted: [
      `INSERT INTO orders (number) VALUES (nextval('order_numbers'))`,
      `CREATE TABLE t (id bigserial PRIMARY KEY)`,
      `CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY)`,
    ],
    allowed: [`UPDATE stock_levels SET fencing_token = fencing_token + 1 WHERE sku = $1`],
  },
  {
    name: 'no schema before a table: the search_path names the cell',
    breaks: ({ sql }) =>
      /\bpublic\s*\./i.test(sql) ||
      // An alias is shorter than the name of a schema; a function may be called by its schema.
      /(?<!\bDISTINCT )\b(?:FROM|JOIN)\s+(?!pg_catalog\.|information_schema\.)\w{3,}\.\w+\b(?!\s*\()/.test(
        sql,
      ) ||
      /\b(?:INTO|UPDATE|TABLE)\s+\w{3,}\.\w+\b/.test(sql),
    planted: [
      `SELECT sku FROM public.products`,
      `UPDATE cell_7.orders SET status = $1`,
      `INSERT INTO holdfast.outbox (id) VALUES ($1)`,
    ],
    allowed: [
      `SELECT p.sku FROM products p JOIN stock_levels s USING (sku) WHERE p.name IS DISTINCT FROM s.pool`,
    ],
  },
  {
    name: 'no SELECT *, but in the audit’s wrapper',
    breaks: ({ sql, place }) => /\bSELECT\s+\*/.test(sql) && !place.startsWith('src/audit/audit.ts'),
    planted: [`SELECT * FROM orders`, `INSERT INTO a SELECT  * FROM b`],
    allowed: [`SELECT count(*) FROM orders`, `SELECT $2::int * interval '1 second'`],
  },
  {
    name: 'no trigger, rule, exclusion constraint or listening',
    breaks: ({ sql }) =>
      /\bCREATE (?:OR REPLACE )?(?:CONSTRAINT )?(?:TRIGGER|RULE)\b|\bEXCLUDE (?:USING|\()|^\s*(?:LISTEN|NOTIFY)\b|\bpg_notify\b/.test(
        sql,
      ),
    planted: [
      `CREATE TRIGGER t BEFORE UPDATE ON orders EXECUTE FUNCTION f()`,
      `CREATE OR REPLACE TRIGGER t AFTER INSERT ON orders EXECUTE FUNCTION f()`,
      `CREATE TABLE t (EXCLUDE USING gist (c WITH &&))`,
      `NOTIFY orders`,
    ],
    allowed: [`CREATE INDEX triggers ON orders (id)`],
  },
  {
    name: 'a constraint is added alone, by a separate statement',
    breaks: ({ sql }) =>
      (/\bADD (?:CONSTRAINT|CHECK|PRIMARY KEY|UNIQUE|FOREIGN KEY)\b/.test(sql) &&
        actionsOf(sql).length > 1) ||
      (/\bADD COLUMN\b/.test(sql) && /\b(?:CHECK|PRIMARY KEY|UNIQUE|REFERENCES)\b/.test(sql)),
    planted: [
      `ALTER TABLE orders ADD COLUMN capture text, ADD CONSTRAINT orders_capture_check CHECK (capture <> '')`,
      `ALTER TABLE orders DROP CONSTRAINT orders_capture_check, ADD CONSTRAINT orders_capture_check CHECK (capture IN ('a', 'b'))`,
      `ALTER TABLE orders ADD COLUMN attempt integer CHECK (attempt > 0)`,
    ],
    allowed: [
      `ALTER TABLE orders ADD COLUMN a integer NOT NULL DEFAULT 0, ADD COLUMN b text, DROP CONSTRAINT orders_c_check`,
      `ALTER TABLE orders ADD CONSTRAINT orders_capture_check CHECK (capture IN ('a', 'b'))`,
    ],
  },
  {
    name: 'no foreign key that leaves its aggregate',
    breaks: ({ sql }) => foreignKeysOf(sql).some((key) => !references.has(key)),
    planted: [
      `CREATE TABLE reservations (order_id uuid REFERENCES orders (id))`,
      `ALTER TABLE order_lines ADD FOREIGN KEY (sku) REFERENCES products (sku)`,
    ],
    allowed: [`CREATE TABLE order_lines (order_id uuid NOT NULL REFERENCES orders (id))`],
  },
  {
    name: 'no state of a session: no session SET, advisory lock or temporary table',
    breaks: ({ sql, place }) =>
      // The migration's lock is held by a connection that does nothing else.
      !place.startsWith('src/database/migrate.ts') &&
      /\bpg_(?:try_)?advisory_lock\b|\bCREATE TEMP|^\s*SET (?!LOCAL\b|TRANSACTION\b)\w+ *(?:=|TO\b)/i.test(
        sql,
      ),
    planted: [`SELECT pg_advisory_lock(1)`, `CREATE TEMP TABLE t (id int)`, `SET search_path TO cell_7`],
    allowed: [
      `SELECT pg_advisory_xact_lock(1)`,
      `SET LOCAL lock_timeout = 100`,
      `UPDATE orders SET status = $1`,
    ],
  },
];
