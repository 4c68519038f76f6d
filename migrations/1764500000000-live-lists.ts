import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A page of live reservations, the newest first, is read like one of ended ones: in a sale a hundred thousand are live. */
export class LiveLists1764500000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX reservations_live_newest ON reservations (status, id) WHERE status IN ('active', 'pinned')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX reservations_live_newest`);
  }
}
