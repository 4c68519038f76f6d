-- The schema that the migrations make, written by `npm run db:dump` and compared by a test. For reading only.

CREATE TABLE activity (
  second timestamp with time zone NOT NULL,
  process uuid NOT NULL,
  facts jsonb NOT NULL,
  CONSTRAINT activity_pkey PRIMARY KEY (second, process)
);

CREATE TABLE admin_actions (
  id uuid NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  object_type text NOT NULL,
  object_id text NOT NULL,
  reason text,
  before jsonb,
  after jsonb,
  at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT admin_actions_pkey PRIMARY KEY (id)
);

CREATE INDEX admin_actions_misdated ON admin_actions USING btree (at) WHERE (abs(((EXTRACT(epoch FROM (at AT TIME ZONE 'UTC'::text)) * (1000)::numeric) - (((('x'::text || translate("left"((id)::text, 13), '-'::text, ''::text)))::bit(48))::bigint)::numeric)) > (600000)::numeric);
CREATE INDEX admin_actions_of_action ON admin_actions USING btree (action, id);
CREATE INDEX admin_actions_of_actor ON admin_actions USING btree (actor, id);
CREATE INDEX admin_actions_of_object ON admin_actions USING btree (object_type, object_id, id);

CREATE TABLE api_keys (
  id uuid NOT NULL,
  name text NOT NULL,
  role text NOT NULL,
  key_sha256 bytea NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  revoked_at timestamp with time zone,
  stripe_account text,
  CONSTRAINT api_keys_role_check CHECK ((role = ANY (ARRAY['client'::text, 'viewer'::text, 'admin'::text]))),
  CONSTRAINT api_keys_pkey PRIMARY KEY (id),
  CONSTRAINT api_keys_key_sha256_key UNIQUE (key_sha256),
  CONSTRAINT api_keys_name_key UNIQUE (name)
);

CREATE TABLE dead_letters (
  id uuid NOT NULL,
  type text NOT NULL,
  aggregate_id uuid NOT NULL,
  reason text NOT NULL,
  attempts integer NOT NULL,
  died_at timestamp with time zone NOT NULL,
  retried_at timestamp with time zone,
  CONSTRAINT dead_letters_pkey PRIMARY KEY (id)
);

CREATE INDEX dead_letters_waiting ON dead_letters USING btree (id) WHERE (retried_at IS NULL);

CREATE TABLE event_upkeep (
  single boolean NOT NULL DEFAULT true,
  owners_missing boolean NOT NULL DEFAULT false,
  kept_since timestamp with time zone,
  CONSTRAINT event_upkeep_single_check CHECK (single),
  CONSTRAINT event_upkeep_pkey PRIMARY KEY (single)
);

CREATE TABLE idempotency_keys (
  principal text NOT NULL,
  operation text NOT NULL,
  key text NOT NULL,
  fingerprint bytea NOT NULL,
  resource_id uuid NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  fingerprint_version smallint NOT NULL DEFAULT 1,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (principal, operation, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys USING brin (created_at);

CREATE TABLE inbox (
  consumer text NOT NULL,
  message_id uuid NOT NULL,
  received_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT inbox_pkey PRIMARY KEY (consumer, message_id)
);

CREATE INDEX inbox_by_age ON inbox USING brin (received_at);

CREATE TABLE installation (
  single boolean NOT NULL DEFAULT true,
  id uuid NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  cell smallint NOT NULL DEFAULT 0,
  CONSTRAINT installation_cell_check CHECK (((cell >= 0) AND (cell <= 255))),
  CONSTRAINT installation_single_check CHECK (single),
  CONSTRAINT installation_pkey PRIMARY KEY (single)
);

CREATE TABLE last_audit (
  newest boolean NOT NULL DEFAULT true,
  checked_at timestamp with time zone NOT NULL,
  took_ms integer NOT NULL,
  report jsonb NOT NULL,
  CONSTRAINT last_audit_newest_check CHECK (newest),
  CONSTRAINT last_audit_pkey PRIMARY KEY (newest)
);

CREATE TABLE leases (
  name text COLLATE "C" NOT NULL,
  owner uuid NOT NULL,
  token bigint NOT NULL,
  taken_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  CONSTRAINT leases_pkey PRIMARY KEY (name)
) WITH (fillfactor=70);

CREATE TABLE order_lines (
  order_id uuid NOT NULL,
  sku text COLLATE "C" NOT NULL,
  quantity integer NOT NULL,
  unit_amount bigint NOT NULL,
  CONSTRAINT order_lines_quantity_check CHECK ((quantity > 0)),
  CONSTRAINT order_lines_pkey PRIMARY KEY (order_id, sku)
);

CREATE TABLE orders (
  id uuid NOT NULL,
  principal text NOT NULL,
  customer_id text NOT NULL,
  reservation_id uuid NOT NULL,
  payment_method text NOT NULL,
  status text NOT NULL,
  rejection_reason text,
  total_amount bigint NOT NULL,
  currency text NOT NULL,
  metadata jsonb NOT NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamp with time zone NOT NULL,
  placed_at timestamp with time zone,
  ended_at timestamp with time zone,
  capture text NOT NULL DEFAULT 'automatic'::text,
  on_decline jsonb,
  payment_attempt integer NOT NULL DEFAULT 1,
  payment jsonb,
  past_versions integer NOT NULL DEFAULT 0,
  CONSTRAINT orders_capture_check CHECK ((capture = ANY (ARRAY['automatic'::text, 'immediate'::text, 'on_shipment'::text]))),
  CONSTRAINT orders_end_is_dated CHECK (((status = 'pending'::text) = (ended_at IS NULL))),
  CONSTRAINT orders_payment_attempt_check CHECK ((payment_attempt >= 1)),
  CONSTRAINT orders_placed_is_dated CHECK (((status = ANY (ARRAY['placed'::text, 'cancelled'::text, 'refunded'::text])) = (placed_at IS NOT NULL))),
  CONSTRAINT orders_rejection_has_a_reason CHECK (((status = 'rejected'::text) = (rejection_reason IS NOT NULL))),
  CONSTRAINT orders_rejection_reason_check CHECK ((rejection_reason = ANY (ARRAY['insufficient_stock'::text, 'payment_declined'::text, 'reservation_expired'::text, 'cancelled'::text, 'abandoned'::text]))),
  CONSTRAINT orders_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'placed'::text, 'rejected'::text, 'cancelled'::text, 'refunded'::text]))),
  CONSTRAINT orders_pkey PRIMARY KEY (id)
) WITH (fillfactor=85);

CREATE INDEX orders_misdated ON orders USING btree (created_at) WHERE (abs(((EXTRACT(epoch FROM (created_at AT TIME ZONE 'UTC'::text)) * (1000)::numeric) - (((('x'::text || translate("left"((id)::text, 13), '-'::text, ''::text)))::bit(48))::bigint)::numeric)) > (600000)::numeric);
CREATE INDEX orders_of_customer ON orders USING btree (customer_id, id);
CREATE UNIQUE INDEX orders_one_per_reservation ON orders USING btree (reservation_id);

CREATE TABLE outbox (
  id uuid NOT NULL,
  aggregate_type text NOT NULL,
  aggregate_id uuid NOT NULL,
  sequence integer NOT NULL,
  type text NOT NULL,
  payload jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  next_relay_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  relay_epoch integer NOT NULL DEFAULT 0,
  relayed_at timestamp with time zone,
  applied_at timestamp with time zone,
  principal text,
  CONSTRAINT outbox_pkey PRIMARY KEY (id),
  CONSTRAINT outbox_aggregate_id_sequence_key UNIQUE (aggregate_id, sequence)
) WITH (fillfactor=70);

CREATE INDEX outbox_by_age ON outbox USING brin (created_at) WITH (autosummarize='on');
CREATE INDEX outbox_due ON outbox USING btree (next_relay_at) WHERE (applied_at IS NULL);
CREATE INDEX outbox_misdated ON outbox USING btree (created_at) WHERE (abs(((EXTRACT(epoch FROM (created_at AT TIME ZONE 'UTC'::text)) * (1000)::numeric) - (((('x'::text || translate("left"((id)::text, 13), '-'::text, ''::text)))::bit(48))::bigint)::numeric)) > (600000)::numeric);
CREATE INDEX outbox_of_principal ON outbox USING btree (principal, created_at) WHERE (principal IS DISTINCT FROM ''::text);

CREATE TABLE payment_checks (
  order_id uuid NOT NULL,
  due_at timestamp with time zone NOT NULL,
  attempt integer NOT NULL DEFAULT 0,
  lease_expires_at timestamp with time zone,
  CONSTRAINT payment_checks_pkey PRIMARY KEY (order_id)
);

CREATE INDEX payment_checks_due ON payment_checks USING btree (due_at);

CREATE TABLE payment_facts (
  id uuid NOT NULL,
  order_id uuid,
  type text NOT NULL,
  reference text NOT NULL,
  amount bigint NOT NULL,
  currency text NOT NULL,
  status text,
  due_by timestamp with time zone,
  data jsonb NOT NULL DEFAULT '{}'::jsonb,
  at timestamp with time zone NOT NULL,
  seen_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  amount_at_risk bigint NOT NULL DEFAULT 0,
  is_case boolean NOT NULL DEFAULT false,
  settled_at timestamp with time zone,
  settled_by text,
  settled_reason text,
  CONSTRAINT payment_facts_amount_at_risk_check CHECK ((amount_at_risk >= 0)),
  CONSTRAINT payment_facts_amount_check CHECK ((amount >= 0)),
  CONSTRAINT payment_facts_check CHECK (((settled_at IS NULL) OR is_case)),
  CONSTRAINT payment_facts_pkey PRIMARY KEY (id)
);

CREATE INDEX payment_facts_cases ON payment_facts USING btree (seen_at) WHERE (is_case AND (settled_at IS NULL));
CREATE INDEX payment_facts_of_order ON payment_facts USING btree (order_id) WHERE (order_id IS NOT NULL);
CREATE UNIQUE INDEX payment_facts_once ON payment_facts USING btree (reference, type);

CREATE TABLE payment_operations (
  id uuid NOT NULL,
  order_id uuid NOT NULL,
  kind text NOT NULL,
  status text NOT NULL,
  attempt integer NOT NULL DEFAULT 0,
  amount bigint NOT NULL,
  currency text NOT NULL,
  provider_reference text,
  decline_code text,
  detail text,
  created_at timestamp with time zone NOT NULL,
  sent_at timestamp with time zone,
  settled_at timestamp with time zone,
  number integer,
  provider_key text,
  doubt text,
  looks integer NOT NULL DEFAULT 0,
  waits_for text,
  failure_reason text,
  capture_before timestamp with time zone,
  payment_attempt integer NOT NULL DEFAULT 1,
  action_expires_at timestamp with time zone,
  may_try_another_card boolean NOT NULL DEFAULT false,
  stripe_account text,
  task_id uuid,
  request text,
  CONSTRAINT payment_operations_amount_check CHECK ((amount >= 0)),
  CONSTRAINT payment_operations_kind_check CHECK ((kind = ANY (ARRAY['authorize'::text, 'charge'::text, 'capture'::text, 'void'::text, 'refund'::text]))),
  CONSTRAINT payment_operations_settled_is_dated CHECK (((status = ANY (ARRAY['approved'::text, 'declined'::text, 'failed'::text])) = (settled_at IS NOT NULL))),
  CONSTRAINT payment_operations_status_check CHECK ((status = ANY (ARRAY['created'::text, 'sent'::text, 'approved'::text, 'declined'::text, 'unknown'::text, 'pending'::text, 'failed'::text]))),
  CONSTRAINT payment_operations_waits_for_check CHECK ((waits_for = ANY (ARRAY['buyer'::text, 'provider'::text]))),
  CONSTRAINT payment_operations_pkey PRIMARY KEY (id)
) WITH (fillfactor=85);

CREATE INDEX payment_operations_accounts ON payment_operations USING btree (stripe_account) WHERE (stripe_account IS NOT NULL);
CREATE UNIQUE INDEX payment_operations_of_purpose ON payment_operations USING btree (order_id, kind, number, COALESCE(request, ''::text));
CREATE INDEX payment_operations_of_reference ON payment_operations USING btree (provider_reference) WHERE ((kind = ANY (ARRAY['authorize'::text, 'charge'::text])) AND (provider_reference IS NOT NULL));
CREATE UNIQUE INDEX payment_operations_one_authorization ON payment_operations USING btree (order_id) WHERE ((kind = ANY (ARRAY['authorize'::text, 'charge'::text])) AND (status <> ALL (ARRAY['declined'::text, 'failed'::text])));
CREATE UNIQUE INDEX payment_operations_one_capture ON payment_operations USING btree (order_id) WHERE ((kind = 'capture'::text) AND (status <> ALL (ARRAY['declined'::text, 'failed'::text])));
CREATE INDEX payment_operations_unknown ON payment_operations USING btree (order_id) WHERE (status = 'unknown'::text);

CREATE TABLE payment_tasks (
  id uuid NOT NULL,
  order_id uuid NOT NULL,
  kind text NOT NULL,
  status text NOT NULL,
  amount bigint NOT NULL,
  currency text NOT NULL,
  request text,
  lines jsonb,
  reason text,
  shipment_id uuid,
  actor text NOT NULL,
  attempt integer NOT NULL DEFAULT 0,
  next_run_at timestamp with time zone,
  lease_expires_at timestamp with time zone,
  fencing_token bigint NOT NULL DEFAULT 0,
  code text,
  data jsonb,
  last_error text,
  created_at timestamp with time zone NOT NULL,
  ended_at timestamp with time zone,
  CONSTRAINT payment_tasks_amount_check CHECK ((amount >= 0)),
  CONSTRAINT payment_tasks_end_is_dated CHECK (((status = ANY (ARRAY['done'::text, 'failed'::text])) = (ended_at IS NOT NULL))),
  CONSTRAINT payment_tasks_kind_check CHECK ((kind = ANY (ARRAY['refund'::text, 'capture'::text]))),
  CONSTRAINT payment_tasks_status_check CHECK ((status = ANY (ARRAY['due'::text, 'stuck'::text, 'done'::text, 'failed'::text]))),
  CONSTRAINT payment_tasks_unfinished_is_due CHECK (
CASE status
    WHEN 'stuck'::text THEN true
    ELSE ((status = 'due'::text) = (next_run_at IS NOT NULL))
END),
  CONSTRAINT payment_tasks_pkey PRIMARY KEY (id)
) WITH (fillfactor=70);

CREATE INDEX payment_tasks_due ON payment_tasks USING btree (next_run_at) WHERE (next_run_at IS NOT NULL);
CREATE INDEX payment_tasks_of_order ON payment_tasks USING btree (order_id, id);
CREATE INDEX payment_tasks_stuck ON payment_tasks USING btree (id) WHERE (status = 'stuck'::text);

CREATE TABLE products (
  sku text COLLATE "C" NOT NULL,
  name text NOT NULL,
  unit_amount bigint NOT NULL,
  currency text NOT NULL,
  strategy text NOT NULL,
  quantity_per_order_max integer,
  reservations_per_customer_max integer,
  version integer NOT NULL DEFAULT 1,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  pools text[] COLLATE "C" NOT NULL DEFAULT '{main}'::text[],
  safety_stock integer NOT NULL DEFAULT 0,
  sales_start_at timestamp with time zone,
  sales_end_at timestamp with time zone,
  units_per_customer_max integer,
  CONSTRAINT products_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
  CONSTRAINT products_quantity_per_order_max_check CHECK ((quantity_per_order_max > 0)),
  CONSTRAINT products_reservations_per_customer_max_check CHECK ((reservations_per_customer_max > 0)),
  CONSTRAINT products_safety_stock_check CHECK ((safety_stock >= 0)),
  CONSTRAINT products_sale_ends_after_its_start CHECK ((sales_end_at > sales_start_at)),
  CONSTRAINT products_unit_amount_check CHECK ((unit_amount >= 0)),
  CONSTRAINT products_units_per_customer_max_check CHECK ((units_per_customer_max > 0)),
  CONSTRAINT products_pkey PRIMARY KEY (sku)
);

CREATE TABLE provider_events (
  id text NOT NULL,
  type text NOT NULL,
  provider_reference text,
  order_id uuid,
  raw_body text NOT NULL,
  verdict text,
  received_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  processed_at timestamp with time zone,
  stripe_account text,
  CONSTRAINT provider_events_pkey PRIMARY KEY (id)
);

CREATE INDEX provider_events_of_order ON provider_events USING btree (order_id) WHERE (order_id IS NOT NULL);
CREATE INDEX provider_events_unprocessed ON provider_events USING btree (received_at) WHERE (processed_at IS NULL);

CREATE TABLE reconciliations (
  id uuid NOT NULL,
  status text NOT NULL,
  actor text NOT NULL,
  from_at timestamp with time zone NOT NULL,
  to_at timestamp with time zone NOT NULL,
  compared integer NOT NULL DEFAULT 0,
  others integer NOT NULL DEFAULT 0,
  difference_count integer NOT NULL DEFAULT 0,
  differences jsonb NOT NULL DEFAULT '[]'::jsonb,
  error text,
  started_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamp with time zone,
  lease_expires_at timestamp with time zone,
  CONSTRAINT reconciliations_check CHECK ((from_at < to_at)),
  CONSTRAINT reconciliations_check1 CHECK ((((status = 'running'::text) = (lease_expires_at IS NOT NULL)) AND ((status = 'running'::text) = (ended_at IS NULL)))),
  CONSTRAINT reconciliations_status_check CHECK ((status = ANY (ARRAY['running'::text, 'done'::text, 'failed'::text]))),
  CONSTRAINT reconciliations_pkey PRIMARY KEY (id)
);

CREATE UNIQUE INDEX reconciliations_one_running ON reconciliations USING btree (status) WHERE (status = 'running'::text);

CREATE TABLE releases (
  id uuid NOT NULL,
  actor text NOT NULL,
  filter jsonb NOT NULL,
  members uuid[] NOT NULL,
  units bigint NOT NULL,
  customers integer NOT NULL,
  skipped_pinned integer NOT NULL,
  counted_at timestamp with time zone NOT NULL,
  status text NOT NULL DEFAULT 'counted'::text,
  reason text,
  released integer NOT NULL DEFAULT 0,
  units_released bigint NOT NULL DEFAULT 0,
  ended_before integer NOT NULL DEFAULT 0,
  pinned_meanwhile integer NOT NULL DEFAULT 0,
  started_at timestamp with time zone,
  ended_at timestamp with time zone,
  lease_expires_at timestamp with time zone,
  CONSTRAINT releases_status_check CHECK ((status = ANY (ARRAY['counted'::text, 'running'::text, 'done'::text, 'stopped'::text]))),
  CONSTRAINT releases_pkey PRIMARY KEY (id)
);

CREATE INDEX releases_running ON releases USING btree (lease_expires_at) WHERE (status = 'running'::text);

CREATE TABLE reservation_lines (
  reservation_id uuid NOT NULL,
  sku text COLLATE "C" NOT NULL,
  pool text COLLATE "C" NOT NULL,
  quantity integer NOT NULL,
  unit_amount bigint NOT NULL,
  fencing_token bigint NOT NULL,
  shipped integer NOT NULL DEFAULT 0,
  given_back integer NOT NULL DEFAULT 0,
  returned integer NOT NULL DEFAULT 0,
  CONSTRAINT reservation_lines_never_above_sold CHECK (((shipped >= 0) AND (given_back >= 0) AND ((shipped + given_back) <= quantity) AND ((returned >= 0) AND (returned <= shipped)))),
  CONSTRAINT reservation_lines_quantity_check CHECK ((quantity > 0)),
  CONSTRAINT reservation_lines_pkey PRIMARY KEY (reservation_id, sku, pool)
);

CREATE INDEX reservation_lines_of_sku ON reservation_lines USING btree (sku, reservation_id);

CREATE TABLE reservations (
  id uuid NOT NULL,
  principal text NOT NULL,
  customer_id text NOT NULL,
  order_id uuid,
  status text NOT NULL,
  total_amount bigint NOT NULL,
  currency text NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  max_expires_at timestamp with time zone NOT NULL,
  extensions_used integer NOT NULL DEFAULT 0,
  end_reason text,
  ended_at timestamp with time zone,
  returned_at timestamp with time zone,
  metadata jsonb NOT NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT reservations_end_is_dated CHECK (((status = ANY (ARRAY['active'::text, 'pinned'::text])) = (ended_at IS NULL))),
  CONSTRAINT reservations_pinned_by_an_order CHECK (((status <> 'pinned'::text) OR (order_id IS NOT NULL))),
  CONSTRAINT reservations_returned_after_confirmed CHECK (((returned_at IS NULL) OR (status = 'confirmed'::text))),
  CONSTRAINT reservations_status_check CHECK ((status = ANY (ARRAY['active'::text, 'pinned'::text, 'confirmed'::text, 'released'::text, 'expired'::text]))),
  CONSTRAINT reservations_pkey PRIMARY KEY (id)
) WITH (fillfactor=85);

CREATE INDEX reservations_ended ON reservations USING btree (status, id) WHERE (status = ANY (ARRAY['confirmed'::text, 'released'::text, 'expired'::text]));
CREATE INDEX reservations_live ON reservations USING btree (status, expires_at, id) WHERE (status = ANY (ARRAY['active'::text, 'pinned'::text]));
CREATE INDEX reservations_live_newest ON reservations USING btree (status, id) WHERE (status = ANY (ARRAY['active'::text, 'pinned'::text]));
CREATE INDEX reservations_of_customer ON reservations USING btree (customer_id, id);
CREATE INDEX reservations_of_principal ON reservations USING btree (principal, status, id);

CREATE TABLE saga_transitions (
  order_id uuid NOT NULL,
  version integer NOT NULL,
  from_status text,
  to_status text NOT NULL,
  step text NOT NULL,
  attempt integer NOT NULL,
  cause text NOT NULL,
  detail text,
  fencing_token bigint NOT NULL,
  worker text NOT NULL,
  at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  code text,
  data jsonb,
  CONSTRAINT saga_transitions_pkey PRIMARY KEY (order_id, version)
);

CREATE TABLE sagas (
  order_id uuid NOT NULL,
  status text NOT NULL,
  step text NOT NULL,
  attempt integer NOT NULL DEFAULT 0,
  wanted text,
  ends_as text,
  last_error text,
  next_run_at timestamp with time zone,
  lease_expires_at timestamp with time zone,
  lease_owner text,
  fencing_token bigint NOT NULL DEFAULT 0,
  code_version integer NOT NULL,
  version integer NOT NULL DEFAULT 1,
  sweeps integer NOT NULL DEFAULT 0,
  search_first boolean NOT NULL DEFAULT false,
  CONSTRAINT sagas_compensation_has_an_end CHECK (((status <> ALL (ARRAY['compensating'::text, 'compensated'::text])) OR (ends_as IS NOT NULL))),
  CONSTRAINT sagas_status_check CHECK ((status = ANY (ARRAY['running'::text, 'completed'::text, 'compensating'::text, 'compensated'::text, 'stuck'::text]))),
  CONSTRAINT sagas_unfinished_is_due CHECK (
CASE status
    WHEN 'stuck'::text THEN true
    ELSE ((status = ANY (ARRAY['running'::text, 'compensating'::text])) = (next_run_at IS NOT NULL))
END),
  CONSTRAINT sagas_wanted_check CHECK ((wanted = ANY (ARRAY['cancel'::text, 'refund'::text]))),
  CONSTRAINT sagas_pkey PRIMARY KEY (order_id)
) WITH (fillfactor=70);

CREATE INDEX sagas_compensated ON sagas USING btree (ends_as, order_id) WHERE (status = 'compensated'::text);
CREATE INDEX sagas_completed ON sagas USING btree (order_id) WHERE (status = 'completed'::text);
CREATE INDEX sagas_due ON sagas USING btree (next_run_at) WHERE (next_run_at IS NOT NULL);
CREATE INDEX sagas_unfinished ON sagas USING btree (status, step, order_id) WHERE (status = ANY (ARRAY['running'::text, 'compensating'::text, 'stuck'::text]));

CREATE TABLE sessions (
  token_sha256 bytea NOT NULL,
  key_sha256 bytea NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamp with time zone NOT NULL,
  CONSTRAINT sessions_pkey PRIMARY KEY (token_sha256)
);

CREATE TABLE shipments (
  id uuid NOT NULL,
  reservation_id uuid NOT NULL,
  order_id uuid,
  status text NOT NULL,
  lines jsonb NOT NULL,
  reference text,
  actor text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  ended_at timestamp with time zone,
  CONSTRAINT shipments_end_is_dated CHECK (((status = 'pending'::text) = (ended_at IS NULL))),
  CONSTRAINT shipments_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'shipped'::text, 'failed'::text]))),
  CONSTRAINT shipments_pkey PRIMARY KEY (id)
);

CREATE INDEX shipments_of_order ON shipments USING btree (order_id, id) WHERE (order_id IS NOT NULL);
CREATE INDEX shipments_of_reservation ON shipments USING btree (reservation_id, id);

CREATE TABLE sign_in_failures (
  address text COLLATE "C" NOT NULL,
  failures integer NOT NULL,
  since timestamp with time zone NOT NULL,
  CONSTRAINT sign_in_failures_pkey PRIMARY KEY (address)
);

CREATE TABLE stock_levels (
  sku text COLLATE "C" NOT NULL,
  pool text COLLATE "C" NOT NULL DEFAULT 'main'::text,
  on_hand integer NOT NULL,
  reserved integer NOT NULL DEFAULT 0,
  version bigint NOT NULL DEFAULT 1,
  fencing_token bigint NOT NULL DEFAULT 0,
  lease_token bigint NOT NULL DEFAULT 0,
  safety_stock integer NOT NULL DEFAULT 0,
  CONSTRAINT stock_levels_never_oversold CHECK (((reserved >= 0) AND (reserved <= on_hand))),
  CONSTRAINT stock_levels_safety_stock_check CHECK ((safety_stock >= 0)),
  CONSTRAINT stock_levels_pkey PRIMARY KEY (sku, pool)
) WITH (fillfactor=70);

CREATE INDEX stock_levels_split ON stock_levels USING btree (sku) WHERE (pool <> 'main'::text);

CREATE TABLE stock_movements (
  sku text COLLATE "C" NOT NULL,
  pool text COLLATE "C" NOT NULL,
  level_version bigint NOT NULL,
  kind text NOT NULL,
  delta integer NOT NULL,
  on_hand_after integer NOT NULL,
  reason text NOT NULL,
  actor text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT stock_movements_kind_check CHECK ((kind = ANY (ARRAY['receive'::text, 'adjust'::text, 'ship'::text, 'return'::text, 'transfer'::text]))),
  CONSTRAINT stock_movements_pkey PRIMARY KEY (sku, pool, level_version)
);

CREATE INDEX stock_movements_by_time ON stock_movements USING btree (sku, created_at, pool, level_version);

CREATE TABLE stock_units (
  sku text COLLATE "C" NOT NULL,
  unit_no integer NOT NULL,
  reservation_id uuid,
  CONSTRAINT stock_units_unit_no_check CHECK ((unit_no > 0)),
  CONSTRAINT stock_units_pkey PRIMARY KEY (sku, unit_no)
) WITH (fillfactor=85);

CREATE INDEX stock_units_free ON stock_units USING btree (sku, unit_no) WHERE (reservation_id IS NULL);
CREATE INDEX stock_units_taken ON stock_units USING btree (reservation_id) WHERE (reservation_id IS NOT NULL);

CREATE TABLE strategy_measurements (
  sku text COLLATE "C" NOT NULL,
  strategy text COLLATE "C" NOT NULL,
  measured_at timestamp with time zone NOT NULL,
  p50_ms double precision NOT NULL,
  p99_ms double precision NOT NULL,
  conflict_rate double precision NOT NULL,
  batch_size double precision NOT NULL,
  peak_per_second double precision NOT NULL,
  CONSTRAINT strategy_measurements_pkey PRIMARY KEY (sku, strategy)
);

CREATE TABLE sweep_leases (
  look text COLLATE "C" NOT NULL,
  holder text NOT NULL,
  renewed_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  CONSTRAINT sweep_leases_pkey PRIMARY KEY (look)
);

CREATE TABLE webhook_deliveries (
  id uuid NOT NULL,
  endpoint_id uuid NOT NULL,
  event_id uuid NOT NULL,
  type text NOT NULL,
  status text NOT NULL,
  attempts integer NOT NULL,
  response_status integer,
  error text,
  duration_ms integer,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT webhook_deliveries_status_check CHECK ((status = ANY (ARRAY['delivered'::text, 'given_up'::text]))),
  CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id)
);

CREATE INDEX webhook_deliveries_of_endpoint ON webhook_deliveries USING btree (endpoint_id, status, id);

CREATE TABLE webhook_endpoints (
  id uuid NOT NULL,
  principal text NOT NULL,
  url text NOT NULL,
  types text[],
  description text,
  status text NOT NULL DEFAULT 'enabled'::text,
  disabled_reason text,
  secret bytea NOT NULL,
  previous_secret bytea,
  previous_secret_ends_at timestamp with time zone,
  cursor_at timestamp with time zone NOT NULL,
  cursor_sequence integer NOT NULL DEFAULT 0,
  cursor_id uuid,
  fencing_token bigint NOT NULL DEFAULT 0,
  lease_expires_at timestamp with time zone,
  failures integer NOT NULL DEFAULT 0,
  failing_since timestamp with time zone,
  probe_at timestamp with time zone,
  last_delivered_at timestamp with time zone,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT webhook_endpoints_disabled_for_a_reason CHECK (((status = 'disabled'::text) = (disabled_reason IS NOT NULL))),
  CONSTRAINT webhook_endpoints_disabled_reason_check CHECK ((disabled_reason = ANY (ARRAY['gone'::text, 'failing'::text, 'by_owner'::text, 'by_operator'::text]))),
  CONSTRAINT webhook_endpoints_status_check CHECK ((status = ANY (ARRAY['enabled'::text, 'disabled'::text]))),
  CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (id)
);

CREATE INDEX webhook_endpoints_of_principal ON webhook_endpoints USING btree (principal, id);

CREATE TABLE webhook_replays (
  id uuid NOT NULL,
  endpoint_id uuid NOT NULL,
  from_at timestamp with time zone,
  types text[],
  event_ids uuid[],
  cursor_at timestamp with time zone,
  cursor_sequence integer NOT NULL DEFAULT 0,
  cursor_id uuid,
  until_at timestamp with time zone NOT NULL,
  until_sequence integer NOT NULL DEFAULT 0,
  until_id uuid,
  sent integer NOT NULL DEFAULT 0,
  attempts integer NOT NULL DEFAULT 0,
  due_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  status text NOT NULL DEFAULT 'running'::text,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamp with time zone,
  CONSTRAINT webhook_replays_status_check CHECK ((status = ANY (ARRAY['running'::text, 'done'::text, 'cancelled'::text]))),
  CONSTRAINT webhook_replays_pkey PRIMARY KEY (id)
);

CREATE UNIQUE INDEX webhook_replays_running ON webhook_replays USING btree (endpoint_id) WHERE (status = 'running'::text);

CREATE TABLE webhook_waiting (
  endpoint_id uuid NOT NULL,
  aggregate_id uuid NOT NULL,
  sequence integer NOT NULL,
  event_id uuid NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  due_at timestamp with time zone NOT NULL,
  lease_expires_at timestamp with time zone,
  fencing_token bigint NOT NULL DEFAULT 0,
  response_status integer,
  error text,
  duration_ms integer,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT webhook_waiting_pkey PRIMARY KEY (endpoint_id, aggregate_id)
) WITH (fillfactor=70);

CREATE INDEX webhook_waiting_due ON webhook_waiting USING btree (due_at);

CREATE TABLE workers (
  id text COLLATE "C" NOT NULL,
  started_at timestamp with time zone NOT NULL,
  beat_at timestamp with time zone NOT NULL,
  stopping boolean NOT NULL DEFAULT false,
  facts jsonb NOT NULL,
  failing_tasks jsonb NOT NULL DEFAULT '[]'::jsonb,
  CONSTRAINT workers_pkey PRIMARY KEY (id)
) WITH (fillfactor=70);
