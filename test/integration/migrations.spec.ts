import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ActivityLogged1764750000000 } from '../../migrations/1764750000000-activity-logged';
import { createWorld, expectInvariants, type World } from '../support/fixtures';
import { dumpSchema } from '../support/schema-dump';

const schemaFile = path.resolve(__dirname, '../../migrations/schema.sql');
/** `npm run db:dump` sets it to write the file instead of comparing it. */
const isToBeWritten = process.env.HOLDFAST_TEST_WRITE_SCHEMA === '1';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const tables = async () =>
  (
    await world.rows<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'migrations' ORDER BY 1`,
    )
  ).map(({ name }) => name);

async function migrateDown(): Promise<void> {
  for (const _ of world.dataSource.migrations)
    await world.dataSource.undoLastMigration({ transaction: 'each' });
}

describe('the migrations', () => {
  it('make the same schema up, down and up again', async () => {
    const schema = await dumpSchema(world.db);
    expect(world.dataSource.migrations.length).toBeGreaterThan(0);

    await migrateDown();
    expect(await tables()).toEqual([]);
    expect(await dumpSchema(world.db)).toBe('\n');

    const applied = await world.dataSource.runMigrations({ transaction: 'each' });
    expect(applied).toHaveLength(world.dataSource.migrations.length);
    expect(await dumpSchema(world.db)).toBe(schema);
  });

  it('have nothing to do on a database that is up to date', async () => {
    expect(await world.dataSource.runMigrations()).toEqual([]);
    expect(await world.dataSource.showMigrations()).toBe(false);
  });

  it('log the table that earlier builds made without a log', async () => {
    await world.rows(`ALTER TABLE activity SET UNLOGGED`);
    await world.rows(
      `INSERT INTO activity (second, process, facts) VALUES ('2026-01-01', gen_random_uuid(), '{}')`,
    );

    const runner = world.dataSource.createQueryRunner();
    await new ActivityLogged1764750000000().up(runner);
    await runner.release();

    expect(await dumpSchema(world.db)).toContain('CREATE TABLE activity');
    expect(await world.rows(`SELECT second FROM activity`)).toHaveLength(1);
  });

  it('create every table in the schema that the search_path names', async () => {
    const { elsewhere } = await world.row<{ elsewhere: number }>(
      `SELECT count(*)::int AS elsewhere FROM pg_tables
        WHERE schemaname NOT IN (current_schema(), 'pg_catalog', 'information_schema', 'bullmq')`,
    );
    expect(elsewhere).toBe(0);
    expect(await tables()).toContain('stock_levels');
  });
});

describe('migrations/schema.sql', () => {
  it('matches the migrations (after a change: npm run db:dump)', async () => {
    const schema = await dumpSchema(world.db);
    if (isToBeWritten) writeFileSync(schemaFile, header + schema);

    expect(existsSync(schemaFile)).toBe(true);
    expect(readFileSync(schemaFile, 'utf8')).toBe(header + schema);
  });

  it.each([
    ['a column', `ALTER TABLE orders ADD COLUMN note text`],
    ['a default', `ALTER TABLE orders ALTER COLUMN version SET DEFAULT 2`],
    ['a column that may be null', `ALTER TABLE orders ALTER COLUMN currency DROP NOT NULL`],
    ['a type', `ALTER TABLE outbox ALTER COLUMN sequence TYPE bigint`],
    ['a collation', `ALTER TABLE products ALTER COLUMN name TYPE text COLLATE "C"`],
    ['an index', `CREATE INDEX another ON orders (placed_at)`],
    ['an index that is gone', `DROP INDEX sagas_due`],
    ['a constraint that is gone', `ALTER TABLE stock_levels DROP CONSTRAINT stock_levels_never_oversold`],
    ['a table', `CREATE TABLE another (id uuid PRIMARY KEY)`],
    ['a storage setting', `ALTER TABLE stock_levels SET (fillfactor = 100)`],
    [
      'a trigger',
      `CREATE TRIGGER another BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
    ],
    ['a sequence', `CREATE SEQUENCE another`],
    ['what is logged', `ALTER TABLE activity SET UNLOGGED`],
  ])('no longer matches after a change of %s', async (_what, change) => {
    const session = await world.session();
    const inSession = {
      rows: async <R>(sql: string, parameters?: unknown[]) =>
        (await session.query(sql, parameters)).rows as R[],
    };
    const before = await dumpSchema(world.db);
    await session.query('BEGIN');
    await session.query(change);
    const after = await dumpSchema(inSession);
    await session.query('ROLLBACK');
    await session.end();

    expect(after).not.toBe(before);
  });
});

const header = `-- The schema that the migrations make, written by \`npm run db:dump\` and compared by a test. For reading only.\n\n`;
