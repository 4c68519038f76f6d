import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the strategy `lease` needs: the leases themselves, and the newest token that each stock row has seen. */
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
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE leases`);
    await runner.query(`ALTER TABLE stock_levels DROP COLUMN lease_token`);
  }
}
