import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Periodic tasks of a worker that keep failing, written with its heartbeat. Earlier builds leave the default. */
export class WorkerHealth1764610000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE workers ADD COLUMN failing_tasks jsonb NOT NULL DEFAULT '[]'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE workers DROP COLUMN failing_tasks`);
  }
}
