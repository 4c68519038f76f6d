import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What a payment is made with besides its method, and the connected account that it is made at. Null everywhere: the
 * provider's own account, without options, as before.
 */
export class PaymentObject1764700000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE orders ADD COLUMN payment jsonb`);
    await runner.query(`ALTER TABLE api_keys ADD COLUMN stripe_account text`);
    await runner.query(`ALTER TABLE payment_operations ADD COLUMN stripe_account text`);
    await runner.query(`ALTER TABLE provider_events ADD COLUMN stripe_account text`);
    // For the list of accounts. Operations of our own account, which most are, are not in it.
    await runner.query(`
      CREATE INDEX payment_operations_accounts ON payment_operations (stripe_account)
       WHERE stripe_account IS NOT NULL`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX payment_operations_accounts`);
    for (const table of ['provider_events', 'payment_operations', 'api_keys'])
      await runner.query(`ALTER TABLE ${table} DROP COLUMN stripe_account`);
    await runner.query(`ALTER TABLE orders DROP COLUMN payment`);
  }
}
