import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What became of sold units: shipped, given back before they were shipped, returned afterwards. Earlier builds ship nothing,
 * so every row of theirs is right with zeros.
 */
export class Fulfilment1764710000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE reservation_lines
        ADD COLUMN shipped integer NOT NULL DEFAULT 0,
        ADD COLUMN given_back integer NOT NULL DEFAULT 0,
        ADD COLUMN returned integer NOT NULL DEFAULT 0`);
    await runner.query(`
      ALTER TABLE reservation_lines
        ADD CONSTRAINT reservation_lines_never_above_sold CHECK (
          shipped >= 0 AND given_back >= 0 AND shipped + given_back <= quantity AND returned BETWEEN 0 AND shipped
        ) NOT VALID`);
    await runner.query(
      `ALTER TABLE reservation_lines VALIDATE CONSTRAINT reservation_lines_never_above_sold`,
    );
    await runner.query(`
      CREATE TABLE shipments (
        id uuid PRIMARY KEY,
        reservation_id uuid NOT NULL,
        order_id uuid,
        status text NOT NULL CHECK (status IN ('pending', 'shipped', 'failed')),
        lines jsonb NOT NULL,
        reference text,
        actor text NOT NULL,
        created_at timestamptz NOT NULL,
        ended_at timestamptz,
        CONSTRAINT shipments_end_is_dated CHECK ((status = 'pending') = (ended_at IS NULL))
      )`);
    await runner.query(`CREATE INDEX shipments_of_reservation ON shipments (reservation_id, id)`);
    await runner.query(
      `CREATE INDEX shipments_of_order ON shipments (order_id, id) WHERE order_id IS NOT NULL`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE shipments`);
    await runner.query(`
      ALTER TABLE reservation_lines
        DROP CONSTRAINT reservation_lines_never_above_sold,
        DROP COLUMN shipped, DROP COLUMN given_back, DROP COLUMN returned`);
  }
}
