import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the provider's results need to be followed to their end: an operation may be pending at the provider, fail after it
 * was accepted, or be replaced by the next number; what happens at the provider without us is a payment fact.
 */
export class ProviderResults1764640000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE payment_operations
        ADD COLUMN doubt text,
        ADD COLUMN looks integer NOT NULL DEFAULT 0,
        ADD COLUMN waits_for text,
        ADD COLUMN failure_reason text,
        DROP CONSTRAINT payment_operations_status_check,
        DROP CONSTRAINT payment_operations_settled_is_dated`);
    await runner.query(`
      ALTER TABLE payment_operations
        ADD CONSTRAINT payment_operations_status_check CHECK (
          status IN ('created', 'sent', 'approved', 'declined', 'unknown', 'pending', 'failed'))`);
    await runner.query(`
      ALTER TABLE payment_operations
        ADD CONSTRAINT payment_operations_settled_is_dated CHECK (
          (status IN ('approved', 'declined', 'failed')) = (settled_at IS NOT NULL))`);
    await runner.query(`
      ALTER TABLE payment_operations
        ADD CONSTRAINT payment_operations_waits_for_check CHECK (waits_for IN ('buyer', 'provider'))`);
    await runner.query(`DROP INDEX payment_operations_one_live`);
    await runner.query(`
      CREATE UNIQUE INDEX payment_operations_one_live ON payment_operations (order_id, kind)
       WHERE status NOT IN ('declined', 'failed')`);
    await runner.query(`ALTER TABLE sagas ADD COLUMN search_first boolean NOT NULL DEFAULT false`);
    await runner.query(`
      CREATE TABLE installation (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        id uuid NOT NULL,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp()
      )`);
    await runner.query(`INSERT INTO installation (id) VALUES (gen_random_uuid())`);
    await runner.query(`
      CREATE TABLE payment_facts (
        id uuid PRIMARY KEY,
        order_id uuid,
        type text NOT NULL,
        reference text NOT NULL,
        amount bigint NOT NULL CHECK (amount >= 0),
        currency text NOT NULL,
        status text,
        due_by timestamptz,
        data jsonb NOT NULL DEFAULT '{}',
        at timestamptz NOT NULL,
        seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        amount_at_risk bigint NOT NULL DEFAULT 0 CHECK (amount_at_risk >= 0),
        is_case boolean NOT NULL DEFAULT false,
        settled_at timestamptz,
        settled_by text,
        settled_reason text,
        CHECK (settled_at IS NULL OR is_case)
      )`);
    await runner.query(`CREATE UNIQUE INDEX payment_facts_once ON payment_facts (reference, type)`);
    await runner.query(
      `CREATE INDEX payment_facts_of_order ON payment_facts (order_id) WHERE order_id IS NOT NULL`,
    );
    await runner.query(
      `CREATE INDEX payment_facts_cases ON payment_facts (seen_at) WHERE is_case AND settled_at IS NULL`,
    );
    await runner.query(`
      CREATE TABLE payment_checks (
        order_id uuid PRIMARY KEY,
        due_at timestamptz NOT NULL,
        attempt integer NOT NULL DEFAULT 0,
        lease_expires_at timestamptz
      )`);
    await runner.query(`CREATE INDEX payment_checks_due ON payment_checks (due_at)`);
    await runner.query(`
      CREATE TABLE reconciliations (
        id uuid PRIMARY KEY,
        status text NOT NULL CHECK (status IN ('running', 'done', 'failed')),
        actor text NOT NULL,
        from_at timestamptz NOT NULL,
        to_at timestamptz NOT NULL,
        compared integer NOT NULL DEFAULT 0,
        others integer NOT NULL DEFAULT 0,
        difference_count integer NOT NULL DEFAULT 0,
        differences jsonb NOT NULL DEFAULT '[]',
        error text,
        started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        ended_at timestamptz,
        lease_expires_at timestamptz,
        CHECK (from_at < to_at),
        CHECK ((status = 'running') = (lease_expires_at IS NOT NULL) AND (status = 'running') = (ended_at IS NULL))
      )`);
    await runner.query(
      `CREATE UNIQUE INDEX reconciliations_one_running ON reconciliations (status) WHERE status = 'running'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['reconciliations', 'payment_checks', 'payment_facts', 'installation'])
      await runner.query(`DROP TABLE ${table}`);
    await runner.query(`ALTER TABLE sagas DROP COLUMN search_first`);
    await runner.query(`DROP INDEX payment_operations_one_live`);
    await runner.query(`
      CREATE UNIQUE INDEX payment_operations_one_live ON payment_operations (order_id, kind) WHERE status <> 'declined'`);
    await runner.query(`
      ALTER TABLE payment_operations
        DROP CONSTRAINT payment_operations_waits_for_check,
        DROP CONSTRAINT payment_operations_status_check,
        DROP CONSTRAINT payment_operations_settled_is_dated,
        DROP COLUMN doubt, DROP COLUMN looks, DROP COLUMN waits_for, DROP COLUMN failure_reason`);
    await runner.query(`
      ALTER TABLE payment_operations
        ADD CONSTRAINT payment_operations_status_check CHECK (
          status IN ('created', 'sent', 'approved', 'declined', 'unknown'))`);
    await runner.query(`
      ALTER TABLE payment_operations
        ADD CONSTRAINT payment_operations_settled_is_dated CHECK (
          (status IN ('approved', 'declined')) = (settled_at IS NOT NULL))`);
  }
}
