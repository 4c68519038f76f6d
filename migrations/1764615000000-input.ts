import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Which build computed a key's fingerprint. Version 1 left out members of metadata that are named like methods; older
 * processes go on writing it, by the default.
 */
export class Input1764615000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE idempotency_keys ADD COLUMN fingerprint_version smallint NOT NULL DEFAULT 1`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE idempotency_keys DROP COLUMN fingerprint_version`);
  }
}
