import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the operator's lists are read by, and releases of many reservations.
 *
 * Each index is for lists that would otherwise read a whole table to fill a page. None names a column whose updates were
 * HOT before, and what most rows pass through has one entry fewer than it has states: sagas that go forward leave
 * `sagas_unfinished` for `sagas_completed` once.
 */
export class Desk1764400000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // The sweeper reads it too: active ones by their end.
    await runner.query(`
      CREATE INDEX reservations_live ON reservations (status, expires_at, id) WHERE status IN ('active', 'pinned')`);
    await runner.query(`DROP INDEX reservations_due`);
    await runner.query(`
      CREATE INDEX reservations_ended ON reservations (status, id) WHERE status IN ('confirmed', 'released', 'expired')`);

    await runner.query(`
      CREATE INDEX sagas_unfinished ON sagas (status, step, order_id) WHERE status IN ('running', 'compensating', 'stuck')`);
    await runner.query(`DROP INDEX sagas_stuck`);
    await runner.query(`CREATE INDEX sagas_completed ON sagas (order_id) WHERE status = 'completed'`);
    await runner.query(
      `CREATE INDEX sagas_compensated ON sagas (ends_as, order_id) WHERE status = 'compensated'`,
    );

    await runner.query(
      `CREATE INDEX payment_operations_unknown ON payment_operations (order_id) WHERE status = 'unknown'`,
    );
    await runner.query(`
      CREATE INDEX payment_operations_of_reference ON payment_operations (provider_reference)
       WHERE kind = 'authorize' AND provider_reference IS NOT NULL`);

    await runner.query(
      `CREATE INDEX stock_movements_by_time ON stock_movements (sku, created_at, pool, level_version)`,
    );
    await runner.query(`CREATE INDEX admin_actions_of_actor ON admin_actions (actor, id)`);
    await runner.query(`CREATE INDEX admin_actions_of_action ON admin_actions (action, id)`);
    // The feed of events is read by their time; a message is written again with every step of its way, so no tree for it.
    await runner.query(
      `CREATE INDEX outbox_by_age ON outbox USING brin (created_at) WITH (autosummarize = on)`,
    );

    await runner.query(`
      CREATE TABLE releases (
        id                uuid        PRIMARY KEY,
        actor             text        NOT NULL,
        filter            jsonb       NOT NULL,
        members           uuid[]      NOT NULL,
        units             integer     NOT NULL,
        customers         integer     NOT NULL,
        skipped_pinned    integer     NOT NULL,
        counted_at        timestamptz NOT NULL,
        status            text        NOT NULL DEFAULT 'counted'
                          CHECK (status IN ('counted', 'running', 'done', 'stopped')),
        reason            text,
        released          integer     NOT NULL DEFAULT 0,
        units_released    integer     NOT NULL DEFAULT 0,
        ended_before      integer     NOT NULL DEFAULT 0,
        pinned_meanwhile  integer     NOT NULL DEFAULT 0,
        started_at        timestamptz,
        ended_at          timestamptz,
        lease_expires_at  timestamptz
      )`);
    await runner.query(
      `CREATE INDEX releases_running ON releases (lease_expires_at) WHERE status = 'running'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE releases`);
    await runner.query(`CREATE INDEX reservations_due ON reservations (expires_at) WHERE status = 'active'`);
    await runner.query(`CREATE INDEX sagas_stuck ON sagas (order_id) WHERE status = 'stuck'`);
    for (const index of [
      'reservations_live',
      'reservations_ended',
      'sagas_unfinished',
      'sagas_completed',
      'sagas_compensated',
      'payment_operations_unknown',
      'payment_operations_of_reference',
      'stock_movements_by_time',
      'admin_actions_of_actor',
      'admin_actions_of_action',
      'outbox_by_age',
    ])
      await runner.query(`DROP INDEX ${index}`);
  }
}
