import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Events for shops: whose a message is, and webhook endpoints.
 *
 * Messages of earlier builds have an empty principal, without a rewrite of the table; those of earlier processes that still
 * run beside this build have none. The index holds neither the former, so that it is made quickly, nor, later, many of the
 * latter: a task of the worker names their owners.
 */
export class ShopEvents1764760000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE outbox ADD COLUMN principal text DEFAULT ''`);
    await runner.query(`ALTER TABLE outbox ALTER COLUMN principal DROP DEFAULT`);
    await runner.query(`
      CREATE INDEX outbox_of_principal ON outbox (principal, created_at) WHERE principal IS DISTINCT FROM ''`);
    await runner.query(`
      CREATE TABLE event_upkeep (
        single         boolean PRIMARY KEY DEFAULT true CHECK (single),
        owners_missing boolean NOT NULL DEFAULT false,
        kept_since     timestamptz
      )`);
    await runner.query(`INSERT INTO event_upkeep (owners_missing) SELECT EXISTS (SELECT FROM outbox)`);
    await runner.query(`ALTER TABLE orders ADD COLUMN past_versions integer NOT NULL DEFAULT 0`);

    await runner.query(`
      CREATE TABLE webhook_endpoints (
        id                      uuid PRIMARY KEY,
        principal               text NOT NULL,
        url                     text NOT NULL,
        types                   text[],
        description             text,
        status                  text NOT NULL DEFAULT 'enabled' CHECK (status IN ('enabled', 'disabled')),
        disabled_reason         text CHECK (disabled_reason IN ('gone', 'failing', 'by_owner', 'by_operator')),
        secret                  bytea NOT NULL,
        previous_secret         bytea,
        previous_secret_ends_at timestamptz,
        cursor_at               timestamptz NOT NULL,
        cursor_sequence         integer NOT NULL DEFAULT 0,
        cursor_id               uuid,
        fencing_token           bigint NOT NULL DEFAULT 0,
        lease_expires_at        timestamptz,
        failures                integer NOT NULL DEFAULT 0,
        failing_since           timestamptz,
        probe_at                timestamptz,
        last_delivered_at       timestamptz,
        created_at              timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT webhook_endpoints_disabled_for_a_reason CHECK ((status = 'disabled') = (disabled_reason IS NOT NULL))
      )`);
    await runner.query(`CREATE INDEX webhook_endpoints_of_principal ON webhook_endpoints (principal, id)`);
    await runner.query(`
      CREATE TABLE webhook_waiting (
        endpoint_id      uuid NOT NULL,
        aggregate_id     uuid NOT NULL,
        sequence         integer NOT NULL,
        event_id         uuid NOT NULL,
        attempts         integer NOT NULL DEFAULT 0,
        due_at           timestamptz NOT NULL,
        lease_expires_at timestamptz,
        fencing_token    bigint NOT NULL DEFAULT 0,
        response_status  integer,
        error            text,
        duration_ms      integer,
        created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (endpoint_id, aggregate_id)
      ) WITH (fillfactor = 70)`);
    await runner.query(`CREATE INDEX webhook_waiting_due ON webhook_waiting (due_at)`);
    await runner.query(`
      CREATE TABLE webhook_deliveries (
        id              uuid PRIMARY KEY,
        endpoint_id     uuid NOT NULL,
        event_id        uuid NOT NULL,
        type            text NOT NULL,
        status          text NOT NULL CHECK (status IN ('delivered', 'given_up')),
        attempts        integer NOT NULL,
        response_status integer,
        error           text,
        duration_ms     integer,
        created_at      timestamptz NOT NULL DEFAULT clock_timestamp()
      )`);
    await runner.query(
      `CREATE INDEX webhook_deliveries_of_endpoint ON webhook_deliveries (endpoint_id, status, id)`,
    );
    await runner.query(`
      CREATE TABLE webhook_replays (
        id              uuid PRIMARY KEY,
        endpoint_id     uuid NOT NULL,
        from_at         timestamptz,
        types           text[],
        event_ids       uuid[],
        cursor_at       timestamptz,
        cursor_sequence integer NOT NULL DEFAULT 0,
        cursor_id       uuid,
        until_at        timestamptz NOT NULL,
        until_sequence  integer NOT NULL DEFAULT 0,
        until_id        uuid,
        sent            integer NOT NULL DEFAULT 0,
        attempts        integer NOT NULL DEFAULT 0,
        due_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
        status          text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'done', 'cancelled')),
        created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
        ended_at        timestamptz
      )`);
    await runner.query(`
      CREATE UNIQUE INDEX webhook_replays_running ON webhook_replays (endpoint_id) WHERE status = 'running'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of [
      'webhook_replays',
      'webhook_deliveries',
      'webhook_waiting',
      'webhook_endpoints',
      'event_upkeep',
    ])
      await runner.query(`DROP TABLE ${table}`);
    await runner.query(`ALTER TABLE orders DROP COLUMN past_versions`);
    await runner.query(`DROP INDEX outbox_of_principal`);
    await runner.query(`ALTER TABLE outbox DROP COLUMN principal`);
  }
}
