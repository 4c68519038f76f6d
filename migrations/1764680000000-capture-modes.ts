import type { MigrationInterface, QueryRunner } from 'typeorm';

const kinds = `('authorize', 'charge', 'capture', 'void', 'refund')`;

/**
 * When an order's money is taken, and room for what follows: a second authorization after a declined one, a void for each,
 * several refunds. An index by order, kind and number replaces the one by order; it also refuses a number that is used twice.
 * Builds that do not know the column accept `automatic` orders alone.
 */
export class CaptureModes1764680000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE orders
        ADD COLUMN capture text NOT NULL DEFAULT 'automatic'`);
    await runner.query(`
      ALTER TABLE orders
        ADD CONSTRAINT orders_capture_check CHECK (capture IN ('automatic', 'immediate', 'on_shipment'))`);
    await runner.query(`
      ALTER TABLE payment_operations
        ADD COLUMN capture_before timestamptz,
        DROP CONSTRAINT payment_operations_kind_check`);
    await runner.query(`
      ALTER TABLE payment_operations
        ADD CONSTRAINT payment_operations_kind_check CHECK (kind IN ${kinds})`);
    await runner.query(`
      CREATE UNIQUE INDEX payment_operations_of_purpose ON payment_operations (order_id, kind, number)`);
    await runner.query(`DROP INDEX payment_operations_of_order`);
    await runner.query(`
      CREATE UNIQUE INDEX payment_operations_one_authorization ON payment_operations (order_id)
       WHERE kind IN ('authorize', 'charge') AND status NOT IN ('declined', 'failed')`);
    await runner.query(`
      CREATE UNIQUE INDEX payment_operations_one_capture ON payment_operations (order_id)
       WHERE kind = 'capture' AND status NOT IN ('declined', 'failed')`);
    await runner.query(`DROP INDEX payment_operations_one_live`);
    await runner.query(`DROP INDEX payment_operations_of_reference`);
    await runner.query(`
      CREATE INDEX payment_operations_of_reference ON payment_operations (provider_reference)
       WHERE kind IN ('authorize', 'charge') AND provider_reference IS NOT NULL`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const index of ['of_purpose', 'one_authorization', 'one_capture', 'of_reference'])
      await runner.query(`DROP INDEX payment_operations_${index}`);
    await runner.query(`CREATE INDEX payment_operations_of_order ON payment_operations (order_id)`);
    await runner.query(`
      CREATE UNIQUE INDEX payment_operations_one_live ON payment_operations (order_id, kind)
       WHERE status NOT IN ('declined', 'failed')`);
    await runner.query(`
      CREATE INDEX payment_operations_of_reference ON payment_operations (provider_reference)
       WHERE kind = 'authorize' AND provider_reference IS NOT NULL`);
    await runner.query(`
      ALTER TABLE payment_operations
        DROP COLUMN capture_before,
        DROP CONSTRAINT payment_operations_kind_check`);
    await runner.query(`
      ALTER TABLE payment_operations
        ADD CONSTRAINT payment_operations_kind_check CHECK (kind IN ('authorize', 'capture', 'void', 'refund'))`);
    await runner.query(`ALTER TABLE orders DROP COLUMN capture`);
  }
}
