import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the strategies need beside the stock rows. For `lease` the leases themselves, and the newest token that each stock
 * row has seen; for `pools` the pools that a product's stock belongs in; for `unit-tokens` one row per unit.
 */
export class Strategies1764100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE stock_levels ADD COLUMN lease_token bigint NOT NULL DEFAULT 0`);
    await runner.query(`
      CREATE TABLE leases (
        name       text COLLATE "C" PRIMARY KEY,
        owner      uuid        NOT NULL,
        token      bigint      NOT NULL,
        taken_at   timestamptz NOT NULL,
        expires_at timestamptz NOT NULL
      ) WITH (fillfactor = 70)`);

    await runner.query(`ALTER TABLE products ADD COLUMN pools text[] COLLATE "C" NOT NULL DEFAULT '{main}'`);
    // Few SKUs have more than `main`. They are found by what never changes, so that their updates stay on their page.
    await runner.query(`CREATE INDEX stock_levels_split ON stock_levels (sku) WHERE pool <> 'main'`);

    await runner.query(`
      CREATE TABLE stock_units (
        sku            text COLLATE "C" NOT NULL,
        unit_no        integer NOT NULL CHECK (unit_no > 0),
        reservation_id uuid,
        PRIMARY KEY (sku, unit_no)
      ) WITH (fillfactor = 85)`);
    await runner.query(
      `CREATE INDEX stock_units_free ON stock_units (sku, unit_no) WHERE reservation_id IS NULL`,
    );
    await runner.query(
      `CREATE INDEX stock_units_taken ON stock_units (reservation_id) WHERE reservation_id IS NOT NULL`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE stock_units`);
    await runner.query(`DROP INDEX stock_levels_split`);
    await runner.query(`ALTER TABLE products DROP COLUMN pools`);
    await runner.query(`DROP TABLE leases`);
    await runner.query(`ALTER TABLE stock_levels DROP COLUMN lease_token`);
  }
}
