import type { MigrationInterface, QueryRunner } from 'typeorm';

const keys = [
  ['order_lines', 'order_id', 'orders (id)'],
  ['reservation_lines', 'reservation_id', 'reservations (id)'],
  ['sagas', 'order_id', 'orders (id)'],
  ['saga_transitions', 'order_id', 'sagas (order_id)'],
] as const;

/** Why: docs/decisions/0043. */
export class NoForeignKeys1764660000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const [table, column] of keys)
      await runner.query(`ALTER TABLE ${table} DROP CONSTRAINT ${table}_${column}_fkey`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const [table, column, parent] of keys)
      await runner.query(`ALTER TABLE ${table} ADD FOREIGN KEY (${column}) REFERENCES ${parent}`);
  }
}
