import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Why a saga moved, as a code with its facts, beside the sentence for people. Older builds write neither. */
export class TransitionFacts1764620000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE saga_transitions ADD COLUMN code text, ADD COLUMN data jsonb`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE saga_transitions DROP COLUMN data, DROP COLUMN code`);
  }
}
