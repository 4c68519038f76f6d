import { createWorld, expectInvariants, type World } from '../support/fixtures';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

/**
 * What TypeORM would change to make the schema match the entities: columns with type, nullability, default and collation,
 * primary, unique and foreign keys. CHECKs and indexes are not in the entities; `migrations/schema.sql` has them.
 */
async function differences(): Promise<string[]> {
  const { upQueries } = await world.dataSource.driver.createSchemaBuilder().log();
  const checks = await world.rows<{ name: string }>(
    `SELECT conname AS name FROM pg_constraint WHERE contype = 'c' AND connamespace = current_schema()::regnamespace`,
  );
  const changes = upQueries
    .map(({ query }) => query)
    .filter((query) => !query.startsWith('DROP INDEX'))
    .filter((query) => !checks.some(({ name }) => query.endsWith(`DROP CONSTRAINT "${name}"`)));
  return [...changes, ...(await tablesWithoutEntity())];
}

/** TypeORM leaves tables alone that it does not know. */
async function tablesWithoutEntity(): Promise<string[]> {
  const known = world.dataSource.entityMetadatas.map(({ tableName }) => tableName);
  const tables = await world.rows<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables
      WHERE schemaname = current_schema() AND tablename <> ALL ($1::text[]) AND tablename <> 'migrations'`,
    [known],
  );
  return tables.map(({ name }) => `no entity for ${name}`);
}

describe('the entities', () => {
  it('match the migrated schema', async () => {
    expect(await differences()).toEqual([]);
  });

  it.each([
    ['a new column', `ALTER TABLE orders ADD note text`, `ALTER TABLE orders DROP note`],
    [
      'a missing column',
      `ALTER TABLE inbox RENAME consumer TO reader`,
      `ALTER TABLE inbox RENAME reader TO consumer`,
    ],
    ['a type', `ALTER TABLE outbox ALTER sequence TYPE bigint`, `ALTER TABLE outbox ALTER sequence TYPE int`],
    [
      'a default',
      `ALTER TABLE orders ALTER version SET DEFAULT 2`,
      `ALTER TABLE orders ALTER version SET DEFAULT 1`,
    ],
    [
      'nullability',
      `ALTER TABLE orders ALTER currency DROP NOT NULL`,
      `ALTER TABLE orders ALTER currency SET NOT NULL`,
    ],
    [
      'a collation',
      `ALTER TABLE workers ALTER id TYPE text COLLATE "default"`,
      `ALTER TABLE workers ALTER id TYPE text COLLATE "C"`,
    ],
    [
      'a primary key',
      `ALTER TABLE inbox DROP CONSTRAINT inbox_pkey, ADD PRIMARY KEY (message_id)`,
      `ALTER TABLE inbox DROP CONSTRAINT inbox_pkey, ADD PRIMARY KEY (consumer, message_id)`,
    ],
    [
      'a missing unique key',
      `ALTER TABLE api_keys DROP CONSTRAINT api_keys_name_key`,
      `ALTER TABLE api_keys ADD UNIQUE (name)`,
    ],
    [
      'a foreign key',
      `ALTER TABLE sagas ADD CONSTRAINT planted FOREIGN KEY (order_id) REFERENCES orders (id)`,
      `ALTER TABLE sagas DROP CONSTRAINT planted`,
    ],
    ['a table without an entity', `CREATE TABLE another (id uuid PRIMARY KEY)`, `DROP TABLE another`],
  ])('no longer match after a change of %s', async (_what, change, undo) => {
    await world.rows(change);
    const found = await differences();
    await world.rows(undo);

    expect(found).not.toEqual([]);
    expect(await differences()).toEqual([]);
  });
});
