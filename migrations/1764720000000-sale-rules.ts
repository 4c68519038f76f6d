import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Rules of a sale: units that are never offered, when a product is on sale, and how many units one customer may have.
 * Earlier builds do not know them and sell as before.
 *
 * `stock_levels.safety_stock` is the pool's share of its product's safety stock: every strategy judges its own row, under
 * its own lock.
 */
export class SaleRules1764720000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE products
        ADD COLUMN safety_stock integer NOT NULL DEFAULT 0,
        ADD COLUMN sales_start_at timestamptz,
        ADD COLUMN sales_end_at timestamptz,
        ADD COLUMN units_per_customer_max integer`);
    await runner.query(`
      ALTER TABLE products
        ADD CONSTRAINT products_safety_stock_check CHECK (safety_stock >= 0)`);
    await runner.query(`
      ALTER TABLE products
        ADD CONSTRAINT products_units_per_customer_max_check CHECK (units_per_customer_max > 0)`);
    await runner.query(`
      ALTER TABLE products
        ADD CONSTRAINT products_sale_ends_after_its_start CHECK (sales_end_at > sales_start_at)`);
    await runner.query(`
      ALTER TABLE stock_levels ADD COLUMN safety_stock integer NOT NULL DEFAULT 0`);
    await runner.query(`
      ALTER TABLE stock_levels
        ADD CONSTRAINT stock_levels_safety_stock_check CHECK (safety_stock >= 0)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE stock_levels DROP COLUMN safety_stock`);
    await runner.query(`
      ALTER TABLE products
        DROP COLUMN safety_stock,
        DROP COLUMN sales_start_at,
        DROP COLUMN sales_end_at,
        DROP COLUMN units_per_customer_max`);
  }
}
