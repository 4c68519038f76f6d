import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the operator's desk needs: orders that were given up, work that killed its workers, messages that nobody could
 * apply.
 *
 * A CHECK is added unvalidated and validated afterwards, so that no order waits while old rows are read.
 */
export class NothingIsLost1763900000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE orders DROP CONSTRAINT orders_rejection_reason_check`);
    await runner.query(`
      ALTER TABLE orders ADD CONSTRAINT orders_rejection_reason_check CHECK (rejection_reason IN
        ('insufficient_stock', 'payment_declined', 'reservation_expired', 'cancelled', 'abandoned')) NOT VALID`);
    await runner.query(`ALTER TABLE orders VALIDATE CONSTRAINT orders_rejection_reason_check`);
    // How often the sweeper took the saga up since it last moved: counted before the work, for work that kills its worker.
    await runner.query(`ALTER TABLE sagas ADD COLUMN sweeps integer NOT NULL DEFAULT 0`);
    await runner.query(`
      CREATE TABLE dead_letters (
        id           uuid        PRIMARY KEY,
        type         text        NOT NULL,
        aggregate_id uuid        NOT NULL,
        reason       text        NOT NULL,
        attempts     integer     NOT NULL,
        died_at      timestamptz NOT NULL,
        retried_at   timestamptz
      )`);
    await runner.query(`CREATE INDEX dead_letters_waiting ON dead_letters (id) WHERE retried_at IS NULL`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE dead_letters`);
    await runner.query(`ALTER TABLE sagas DROP COLUMN sweeps`);
    await runner.query(`ALTER TABLE orders DROP CONSTRAINT orders_rejection_reason_check`);
    await runner.query(`
      ALTER TABLE orders ADD CONSTRAINT orders_rejection_reason_check CHECK (rejection_reason IN
        ('insufficient_stock', 'payment_declined', 'reservation_expired', 'cancelled')) NOT VALID`);
  }
}
