import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The first schema. Three rules shape every table, so that a second machine stays a configuration:
 * no foreign key leaves its aggregate, no trigger, and table names are unqualified (the search_path names the cell).
 */
export class Initial1763632800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...reference, ...inventory, ...orders, ...payment, ...guarantees]) {
      await runner.query(statement);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE admin_actions, inbox, outbox, idempotency_keys, provider_events, payment_operations,
                 saga_transitions, sagas, order_lines, orders, reservation_lines, reservations,
                 stock_movements, stock_levels, products, api_keys
    `);
  }
}

const reference = [
  `
  CREATE TABLE api_keys (
    id          uuid        PRIMARY KEY,
    name        text        NOT NULL UNIQUE,
    role        text        NOT NULL CHECK (role IN ('client', 'viewer', 'admin')),
    key_sha256  bytea       NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at  timestamptz
  )`,
  `
  CREATE TABLE products (
    sku                           text COLLATE "C"        PRIMARY KEY,
    name                          text        NOT NULL,
    unit_amount                   bigint      NOT NULL CHECK (unit_amount >= 0),
    currency                      text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    strategy                      text        NOT NULL,
    quantity_per_order_max        integer     CHECK (quantity_per_order_max > 0),
    reservations_per_customer_max integer     CHECK (reservations_per_customer_max > 0),
    version                       integer     NOT NULL DEFAULT 1,
    created_at                    timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at                    timestamptz NOT NULL DEFAULT clock_timestamp()
  )`,
];

const inventory = [
  // SKUs sort by their bytes, here as in the code that locks them one by one: a lock order must be one order.
  // Room on each page and no index on what changes: a hot row's updates then stay on its page (HOT).
  `
  CREATE TABLE stock_levels (
    sku           text COLLATE "C"    NOT NULL,
    pool          text COLLATE "C"    NOT NULL DEFAULT 'main',
    on_hand       integer NOT NULL,
    reserved      integer NOT NULL DEFAULT 0,
    version       bigint  NOT NULL DEFAULT 1,
    fencing_token bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (sku, pool),
    CONSTRAINT stock_levels_never_oversold CHECK (reserved >= 0 AND reserved <= on_hand)
  ) WITH (fillfactor = 70)`,
  `
  CREATE TABLE stock_movements (
    sku           text COLLATE "C"        NOT NULL,
    pool          text COLLATE "C"        NOT NULL,
    level_version bigint      NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('receive', 'adjust', 'ship', 'return', 'transfer')),
    delta         integer     NOT NULL,
    on_hand_after integer     NOT NULL,
    reason        text        NOT NULL,
    actor         text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (sku, pool, level_version)
  )`,
  `
  CREATE TABLE reservations (
    id              uuid        PRIMARY KEY,
    principal       text        NOT NULL,
    customer_id     text        NOT NULL,
    order_id        uuid,
    status          text        NOT NULL CHECK (status IN ('active', 'pinned', 'confirmed', 'released', 'expired')),
    total_amount    bigint      NOT NULL,
    currency        text        NOT NULL,
    expires_at      timestamptz NOT NULL,
    max_expires_at  timestamptz NOT NULL,
    extensions_used integer     NOT NULL DEFAULT 0,
    end_reason      text,
    ended_at        timestamptz,
    returned_at     timestamptz,
    metadata        jsonb       NOT NULL,
    version         integer     NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    CONSTRAINT reservations_end_is_dated CHECK ((status IN ('active', 'pinned')) = (ended_at IS NULL)),
    CONSTRAINT reservations_pinned_by_an_order CHECK (status <> 'pinned' OR order_id IS NOT NULL),
    CONSTRAINT reservations_returned_after_confirmed CHECK (returned_at IS NULL OR status = 'confirmed')
  ) WITH (fillfactor = 85)`,
  `CREATE INDEX reservations_due ON reservations (expires_at) WHERE status = 'active'`,
  `CREATE INDEX reservations_of_customer ON reservations (customer_id, id)`,
  `
  CREATE TABLE reservation_lines (
    reservation_id uuid    NOT NULL REFERENCES reservations (id),
    sku            text COLLATE "C"    NOT NULL,
    pool           text COLLATE "C"    NOT NULL,
    quantity       integer NOT NULL CHECK (quantity > 0),
    unit_amount    bigint  NOT NULL,
    fencing_token  bigint  NOT NULL,
    PRIMARY KEY (reservation_id, sku, pool)
  )`,
  `CREATE INDEX reservation_lines_of_sku ON reservation_lines (sku, reservation_id)`,
];

const orders = [
  `
  CREATE TABLE orders (
    id               uuid        PRIMARY KEY,
    principal        text        NOT NULL,
    customer_id      text        NOT NULL,
    reservation_id   uuid        NOT NULL,
    payment_method   text        NOT NULL,
    status           text        NOT NULL CHECK (status IN ('pending', 'placed', 'rejected', 'cancelled', 'refunded')),
    rejection_reason text        CHECK (rejection_reason IN
                                   ('insufficient_stock', 'payment_declined', 'reservation_expired', 'cancelled')),
    total_amount     bigint      NOT NULL,
    currency         text        NOT NULL,
    metadata         jsonb       NOT NULL,
    version          integer     NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL,
    placed_at        timestamptz,
    ended_at         timestamptz,
    CONSTRAINT orders_placed_is_dated CHECK ((status IN ('placed', 'cancelled', 'refunded')) = (placed_at IS NOT NULL)),
    CONSTRAINT orders_end_is_dated CHECK ((status = 'pending') = (ended_at IS NULL)),
    CONSTRAINT orders_rejection_has_a_reason CHECK ((status = 'rejected') = (rejection_reason IS NOT NULL))
  ) WITH (fillfactor = 85)`,
  `CREATE INDEX orders_of_customer ON orders (customer_id, id)`,
  // The last line against two orders on one reservation; the reservation's own order_id refuses it first.
  `CREATE UNIQUE INDEX orders_one_per_reservation ON orders (reservation_id)`,
  `
  CREATE TABLE order_lines (
    order_id    uuid    NOT NULL REFERENCES orders (id),
    sku         text COLLATE "C"    NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    unit_amount bigint  NOT NULL,
    PRIMARY KEY (order_id, sku)
  )`,
  `
  CREATE TABLE sagas (
    order_id         uuid        PRIMARY KEY REFERENCES orders (id),
    status           text        NOT NULL CHECK (status IN ('running', 'completed', 'compensating', 'compensated', 'stuck')),
    step             text        NOT NULL,
    attempt          integer     NOT NULL DEFAULT 0,
    wanted           text        CHECK (wanted IN ('cancel', 'refund')),
    ends_as          text,
    last_error       text,
    next_run_at      timestamptz,
    lease_expires_at timestamptz,
    lease_owner      text,
    fencing_token    bigint      NOT NULL DEFAULT 0,
    code_version     integer     NOT NULL,
    version          integer     NOT NULL DEFAULT 1,
    CONSTRAINT sagas_unfinished_is_due CHECK (
      CASE status WHEN 'stuck' THEN true
                  ELSE (status IN ('running', 'compensating')) = (next_run_at IS NOT NULL) END),
    CONSTRAINT sagas_compensation_has_an_end CHECK (status NOT IN ('compensating', 'compensated') OR ends_as IS NOT NULL)
  ) WITH (fillfactor = 70)`,
  `CREATE INDEX sagas_due ON sagas (next_run_at) WHERE next_run_at IS NOT NULL`,
  `CREATE INDEX sagas_stuck ON sagas (order_id) WHERE status = 'stuck'`,
  `
  CREATE TABLE saga_transitions (
    order_id      uuid        NOT NULL REFERENCES sagas (order_id),
    version       integer     NOT NULL,
    from_status   text,
    to_status     text        NOT NULL,
    step          text        NOT NULL,
    attempt       integer     NOT NULL,
    cause         text        NOT NULL,
    detail        text,
    fencing_token bigint      NOT NULL,
    worker        text        NOT NULL,
    at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (order_id, version)
  )`,
];

const payment = [
  `
  CREATE TABLE payment_operations (
    id                 uuid        PRIMARY KEY,
    order_id           uuid        NOT NULL,
    kind               text        NOT NULL CHECK (kind IN ('authorize', 'capture', 'void', 'refund')),
    status             text        NOT NULL CHECK (status IN ('created', 'sent', 'approved', 'declined', 'unknown')),
    attempt            integer     NOT NULL DEFAULT 0,
    amount             bigint      NOT NULL CHECK (amount >= 0),
    currency           text        NOT NULL,
    provider_reference text,
    decline_code       text,
    detail             text,
    created_at         timestamptz NOT NULL,
    sent_at            timestamptz,
    settled_at         timestamptz,
    CONSTRAINT payment_operations_settled_is_dated
      CHECK ((status IN ('approved', 'declined')) = (settled_at IS NOT NULL))
  ) WITH (fillfactor = 85)`,
  // A decline is final; anything else is alive, and an order has one living operation of a kind.
  `CREATE UNIQUE INDEX payment_operations_one_live ON payment_operations (order_id, kind) WHERE status <> 'declined'`,
  `CREATE INDEX payment_operations_of_order ON payment_operations (order_id)`,
  `
  CREATE TABLE provider_events (
    id                 text        PRIMARY KEY,
    type               text        NOT NULL,
    provider_reference text,
    order_id           uuid,
    raw_body           text        NOT NULL,
    verdict            text,
    received_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    processed_at       timestamptz
  )`,
  `CREATE INDEX provider_events_unprocessed ON provider_events (received_at) WHERE processed_at IS NULL`,
  `CREATE INDEX provider_events_of_order ON provider_events (order_id) WHERE order_id IS NOT NULL`,
];

const guarantees = [
  `
  CREATE TABLE idempotency_keys (
    principal   text        NOT NULL,
    operation   text        NOT NULL,
    key         text        NOT NULL,
    fingerprint bytea       NOT NULL,
    resource_id uuid        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (principal, operation, key)
  )`,
  `CREATE INDEX idempotency_keys_by_age ON idempotency_keys USING brin (created_at)`,
  `
  CREATE TABLE outbox (
    id             uuid        PRIMARY KEY,
    aggregate_type text        NOT NULL,
    aggregate_id   uuid        NOT NULL,
    sequence       integer     NOT NULL,
    type           text        NOT NULL,
    payload        jsonb       NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_relay_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    relay_epoch    integer     NOT NULL DEFAULT 0,
    relayed_at     timestamptz,
    applied_at     timestamptz,
    UNIQUE (aggregate_id, sequence)
  ) WITH (fillfactor = 70)`,
  `CREATE INDEX outbox_due ON outbox (next_relay_at) WHERE applied_at IS NULL`,
  `
  CREATE TABLE inbox (
    consumer    text        NOT NULL,
    message_id  uuid        NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, message_id)
  )`,
  `CREATE INDEX inbox_by_age ON inbox USING brin (received_at)`,
  `
  CREATE TABLE admin_actions (
    id          uuid        PRIMARY KEY,
    actor       text        NOT NULL,
    action      text        NOT NULL,
    object_type text        NOT NULL,
    object_id   text        NOT NULL,
    reason      text,
    before      jsonb,
    after       jsonb,
    at          timestamptz NOT NULL DEFAULT clock_timestamp()
  )`,
  `CREATE INDEX admin_actions_of_object ON admin_actions (object_type, object_id, id)`,
];
