import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Periodic tasks of a worker that keep failing, written with its heartbeat. Earlier builds leave the default.
 *
 * Units of a release are a sum over products, each of which may have a billion. Its table has a row for each release of an
 * operator, so writing it again takes no time.
 */
export class WorkerHealth1764610000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE workers ADD COLUMN failing_tasks jsonb NOT NULL DEFAULT '[]'`);
    await runner.query(
      `ALTER TABLE releases ALTER COLUMN units TYPE bigint, ALTER COLUMN units_released TYPE bigint`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE releases ALTER COLUMN units TYPE integer, ALTER COLUMN units_released TYPE integer`,
    );
    await runner.query(`ALTER TABLE workers DROP COLUMN failing_tasks`);
  }
}
