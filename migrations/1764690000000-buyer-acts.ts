import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The buyer authenticates in a limited time, and may pay with another card after a decline. Orders of earlier builds have one
 * attempt and end at the first decline.
 */
export class BuyerActs1764690000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE orders
        ADD COLUMN on_decline jsonb,
        ADD COLUMN payment_attempt integer NOT NULL DEFAULT 1`);
    await runner.query(`
      ALTER TABLE orders
        ADD CONSTRAINT orders_payment_attempt_check CHECK (payment_attempt >= 1)`);
    await runner.query(`
      ALTER TABLE payment_operations
        ADD COLUMN payment_attempt integer NOT NULL DEFAULT 1,
        ADD COLUMN action_expires_at timestamptz,
        ADD COLUMN may_try_another_card boolean NOT NULL DEFAULT false`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE payment_operations
        DROP COLUMN payment_attempt, DROP COLUMN action_expires_at, DROP COLUMN may_try_another_card`);
    await runner.query(`ALTER TABLE orders DROP COLUMN on_decline, DROP COLUMN payment_attempt`);
  }
}
