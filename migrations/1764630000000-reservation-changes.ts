import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A shop's own list, whatever state it asks for, costs what its page holds and not what it or others sold before. */
export class ReservationChanges1764630000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE INDEX reservations_of_principal ON reservations (principal, status, id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX reservations_of_principal`);
  }
}
