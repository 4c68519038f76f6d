import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * `activity` was kept out of the write-ahead log. Such a table is empty on a standby, and Citus refuses to move a schema
 * that has one.
 *
 * The change locks and rewrites the table, which takes milliseconds however long the past is: it holds one row per process
 * and active second of the last 15 minutes. Processes that wait for it lose nothing but a second of the dashboard's curves.
 */
export class ActivityLogged1764750000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE activity SET LOGGED`);
  }

  /** Earlier builds work with it as it is. */
  async down(): Promise<void> {}
}
