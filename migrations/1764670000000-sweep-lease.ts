import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Which worker looks for due work, so that the others need not. Earlier builds do not know it: each of their workers looks,
 * and finds rows locked or done.
 */
export class SweepLease1764670000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE sweep_leases (
        look text COLLATE "C" PRIMARY KEY,
        holder text NOT NULL,
        renewed_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE sweep_leases`);
  }
}
