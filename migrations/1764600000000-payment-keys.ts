import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The provider's idempotency key, made from what an operation is for. Null in rows of sagas that an earlier build accepted:
 * their key is the row's id.
 */
export class PaymentKeys1764600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE payment_operations ADD COLUMN number integer, ADD COLUMN provider_key text`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE payment_operations DROP COLUMN number, DROP COLUMN provider_key`);
  }
}
