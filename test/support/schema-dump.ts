import type { Queryable } from '../../src/database/database';

/**
 * The current schema as text, from PostgreSQL's catalog: tables with columns, constraints and indexes, in an order that
 * depends only on the schema. The schema's name is left out, because it differs between cells.
 */
export async function dumpSchema(db: Queryable): Promise<string> {
  const tables = await db.rows<{ oid: number; name: string; kind: string; options: string | null }>(`
    SELECT c.oid::int, c.relname AS name, CASE WHEN c.relpersistence = 'u' THEN 'UNLOGGED TABLE' ELSE 'TABLE' END AS kind,
           array_to_string(c.reloptions, ', ') AS options
      FROM pg_class c
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'migrations'
     ORDER BY c.relname`);
  const parts = [await otherThanTables(db)];
  for (const { oid, name, kind, options } of tables) {
    const columns = await columnsOf(db, oid);
    const constraints = await definitionsOf(db, constraintsSql, oid);
    const body = [...columns, ...constraints].map((line) => `  ${line}`).join(',\n');
    parts.push(`CREATE ${kind} ${name} (\n${body}\n)${options ? ` WITH (${options})` : ''};`);
    parts.push((await definitionsOf(db, indexesSql, oid)).map((index) => `${index};`).join('\n'));
  }
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** Pinned, because another version of PostgreSQL lists NOT NULL among the constraints and this one among the columns. */
async function columnsOf(db: Queryable, table: number): Promise<string[]> {
  const rows = await db.rows<{ definition: string }>(
    `
    SELECT a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
           || coalesce(' COLLATE ' || nullif(quote_ident(l.collname), '"default"'), '')
           || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
           || CASE WHEN a.attidentity <> '' THEN ' IDENTITY' ELSE '' END
           || CASE WHEN a.attgenerated <> '' THEN ' GENERATED' ELSE '' END
           || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') AS definition
      FROM pg_attribute a
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      LEFT JOIN pg_collation l ON l.oid = a.attcollation
     WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
     ORDER BY a.attnum`,
    [table],
  );
  return rows.map(({ definition }) => definition);
}

const constraintsSql = `
  SELECT 'CONSTRAINT ' || conname || ' ' || pg_get_constraintdef(oid) AS definition
    FROM pg_constraint WHERE conrelid = $1::oid AND contype <> 'n'
   ORDER BY contype, conname`;

/** Those that do not belong to a constraint. */
const indexesSql = `
  SELECT pg_get_indexdef(i.indexrelid) AS definition
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
   WHERE i.indrelid = $1::oid AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
   ORDER BY c.relname`;

async function definitionsOf(db: Queryable, sql: string, table: number): Promise<string[]> {
  const [{ schema } = { schema: '' }] = await db.rows<{ schema: string }>(
    `SELECT current_schema() AS schema`,
  );
  const rows = await db.rows<{ definition: string }>(sql, [table]);
  return rows.map(({ definition }) => definition.replaceAll(`${schema}.`, ''));
}

/** Everything that our rules forbid shows up here. */
async function otherThanTables(db: Queryable): Promise<string> {
  const rows = await db.rows<{ what: string }>(`
    SELECT 'trigger ' || tgname AS what FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
     WHERE NOT tgisinternal AND c.relnamespace = current_schema()::regnamespace
     UNION ALL
    SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
     UNION ALL
    SELECT 'relation ' || relkind::text || ' ' || relname FROM pg_class
     WHERE relnamespace = current_schema()::regnamespace AND relkind NOT IN ('r', 'p', 'i', 'I')
       AND relname NOT LIKE 'migrations\\_%'
     UNION ALL
    SELECT 'type ' || typname FROM pg_type t
     WHERE typnamespace = current_schema()::regnamespace AND typtype IN ('e', 'd', 'r')
     ORDER BY what`);
  return rows.map(({ what }) => `-- ${what}`).join('\n');
}
