import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Refunds and captures that are asked for after the order was placed: due rows with a lease, like sagas. An operation of a
 * refund in part names its task and, at the provider, its request. Whole refunds of earlier builds have neither.
 */
export class PaymentTasks1764711000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE payment_operations ADD COLUMN task_id uuid, ADD COLUMN request text`);
    // The numbers of a refund in part count what was sent for its request.
    await runner.query(`DROP INDEX payment_operations_of_purpose`);
    await runner.query(`
      CREATE UNIQUE INDEX payment_operations_of_purpose
          ON payment_operations (order_id, kind, number, coalesce(request, ''))`);
    await runner.query(`
      CREATE TABLE payment_tasks (
        id uuid PRIMARY KEY,
        order_id uuid NOT NULL,
        kind text NOT NULL CHECK (kind IN ('refund', 'capture')),
        status text NOT NULL CHECK (status IN ('due', 'stuck', 'done', 'failed')),
        amount bigint NOT NULL CHECK (amount >= 0),
        currency text NOT NULL,
        request text,
        lines jsonb,
        reason text,
        shipment_id uuid,
        actor text NOT NULL,
        attempt integer NOT NULL DEFAULT 0,
        next_run_at timestamptz,
        lease_expires_at timestamptz,
        fencing_token bigint NOT NULL DEFAULT 0,
        code text,
        data jsonb,
        last_error text,
        created_at timestamptz NOT NULL,
        ended_at timestamptz,
        CONSTRAINT payment_tasks_end_is_dated CHECK ((status IN ('done', 'failed')) = (ended_at IS NOT NULL)),
        CONSTRAINT payment_tasks_unfinished_is_due CHECK (
          CASE status WHEN 'stuck' THEN true ELSE (status = 'due') = (next_run_at IS NOT NULL) END)
      ) WITH (fillfactor = 70)`);
    await runner.query(`CREATE INDEX payment_tasks_of_order ON payment_tasks (order_id, id)`);
    await runner.query(
      `CREATE INDEX payment_tasks_due ON payment_tasks (next_run_at) WHERE next_run_at IS NOT NULL`,
    );
    await runner.query(`CREATE INDEX payment_tasks_stuck ON payment_tasks (id) WHERE status = 'stuck'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE payment_tasks`);
    await runner.query(`DROP INDEX payment_operations_of_purpose`);
    await runner.query(`
      CREATE UNIQUE INDEX payment_operations_of_purpose ON payment_operations (order_id, kind, number)`);
    await runner.query(`ALTER TABLE payment_operations DROP COLUMN task_id, DROP COLUMN request`);
  }
}
