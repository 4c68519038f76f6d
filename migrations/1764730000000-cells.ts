import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The cell of this database: ids that are made for it contain the number, so it never changes. A database that is new takes
 * the number of CELL; one that is not has ids of builds before CELL, which contain 0.
 */
export class Cells1764730000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE installation ADD COLUMN cell smallint NOT NULL DEFAULT 0`);
    await runner.query(`
      ALTER TABLE installation ADD CONSTRAINT installation_cell_check CHECK (cell BETWEEN 0 AND 255)`);
    const { extra } = runner.dataSource.options as { extra?: { cellNumber?: number } };
    await runner.query(
      `UPDATE installation SET cell = $1::smallint
        WHERE NOT EXISTS (SELECT FROM orders) AND NOT EXISTS (SELECT FROM reservations)`,
      [extra?.cellNumber ?? 0],
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE installation DROP COLUMN cell`);
  }
}
