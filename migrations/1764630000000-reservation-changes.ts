import type { MigrationInterface, QueryRunner } from 'typeorm';

const dated = [
  ['orders', 'created_at'],
  ['admin_actions', 'at'],
  ['outbox', 'created_at'],
] as const;

/**
 * A shop's own list, whatever state it asks for, costs what its page holds and not what it or others sold before.
 *
 * And the few rows whose ids were made by a clock that was wrong by more than ten minutes, by their dates: a list of a
 * period looks for the others by their ids.
 */
export class ReservationChanges1764630000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE INDEX reservations_of_principal ON reservations (principal, status, id)`);
    for (const [table, date] of dated)
      await runner.query(`
        CREATE INDEX ${table}_misdated ON ${table} (${date})
         WHERE abs(extract(epoch FROM ${date} AT TIME ZONE 'UTC') * 1000
                   - ('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint) > 600000`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const [table] of dated) await runner.query(`DROP INDEX ${table}_misdated`);
    await runner.query(`DROP INDEX reservations_of_principal`);
  }
}
