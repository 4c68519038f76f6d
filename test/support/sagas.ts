import type { Database } from '../../src/database/database';
import { publicId } from '../../src/ids';
import type { SagaStatus } from '../../src/orders/saga-state';
import type {
  AuthorizeRequest,
  FollowUpRequest,
  GatewayResult,
  LookRequest,
  NotDone,
  PaymentGateway,
} from '../../src/payment/gateways/gateway';
import { type OperationKind, isAuthorization } from '../../src/payment/payment-operations.repository';
import type { World } from './fixtures';
import { approvalOf, declinedCard, notDone, serverError, silence } from './scripted-gateway';

export interface SagaRow {
  status: SagaStatus;
  step: string;
  attempt: number;
  /** `due`, `waits` for its next run, or `never` runs by itself. */
  nextRun: 'due' | 'waits' | 'never';
  leased: boolean;
  fencingToken: number;
  lastError: string | null;
  endsAs: string | null;
}

export function sagaOf(world: World, orderId: string): Promise<SagaRow> {
  return world.row<SagaRow>(
    `SELECT status, step, attempt, ends_as AS "endsAs", last_error AS "lastError", fencing_token AS "fencingToken",
            coalesce(lease_expires_at > clock_timestamp(), false) AS leased,
            CASE WHEN next_run_at IS NULL THEN 'never'
                 WHEN next_run_at <= clock_timestamp() THEN 'due' ELSE 'waits' END AS "nextRun"
       FROM sagas WHERE order_id = $1`,
    [orderId],
  );
}

/** Ends the saga's wait: its backoff, or the lease of a worker that is gone. */
export async function passTime(world: World, orderId: string): Promise<void> {
  await world.rows(
    `UPDATE sagas SET next_run_at = clock_timestamp() - interval '1 second',
                      lease_expires_at = CASE WHEN lease_expires_at IS NOT NULL THEN clock_timestamp() - interval '1 second' END
      WHERE order_id = $1 AND next_run_at IS NOT NULL`,
    [orderId],
  );
}

/** An order's status in a few words: `placed`, `rejected (cancelled)`, and its reservation's. */
export async function endOf(
  world: World,
  orderId: string,
): Promise<{ order: string; reservation: string; reserved: number }> {
  return world.row(
    `SELECT o.status || coalesce(' (' || o.rejection_reason || ')', '') AS order,
            CASE WHEN r.returned_at IS NULL THEN r.status ELSE 'returned' END AS reservation,
            (SELECT sum(s.reserved)::int FROM reservation_lines l JOIN stock_levels s USING (sku, pool)
              WHERE l.reservation_id = r.id) AS reserved
       FROM orders o JOIN reservations r ON r.id = o.reservation_id WHERE o.id = $1`,
    [orderId],
  );
}

/** The saga's recorded history. */
export async function timelineOf(world: World, orderId: string): Promise<string[]> {
  const rows = await world.rows<{ line: string }>(
    `SELECT step || ' ' || cause || CASE WHEN from_status = to_status THEN '' ELSE ' → ' || to_status END AS line
       FROM saga_transitions WHERE order_id = $1 ORDER BY version`,
    [orderId],
  );
  return rows.map(({ line }) => line);
}

type Call = OperationKind;

/**
 * A provider with a ledger: each key is executed once and always has the same response. Unlike a script it accepts
 * calls in any order, from workers that crash.
 */
export class LedgerGateway implements PaymentGateway {
  readonly done: { kind: Call; key: string; orderId: string; amount: number }[] = [];
  /**
   * What happens to calls from now on: they are never sent, the request is lost, only the response is lost, or it is a
   * 500.
   */
  fails: Partial<Record<Call, 'held back' | 'question lost' | 'answer lost' | 'error'>> = {};
  /** The difference between its amounts and the requested ones. */
  overcharge = 0;
  /** Runs during each call. */
  whileAsked: () => unknown = () => undefined;
  private readonly answers = new Map<string, GatewayResult>();
  private readonly authorized = new Map<string, AuthorizeRequest | FollowUpRequest>();

  constructor(private readonly declines: Partial<Record<Call, boolean>> = {}) {}

  authorize = (request: AuthorizeRequest) => this.called('authorize', request);
  charge = (request: AuthorizeRequest) => this.called('charge', request);
  capture = (request: FollowUpRequest) => this.called('capture', request);
  void = (request: FollowUpRequest) => this.called('void', request);
  refund = (request: FollowUpRequest) => this.called('refund', request);

  /** Shows a known authorization; for the rest its records lag, and never show what the same key would. */
  look = ({ kind, authorization }: LookRequest): Promise<GatewayResult | NotDone> => {
    const known = isAuthorization({ kind }) && authorization && this.authorized.get(authorization);
    return known ? this.called(kind, known) : Promise.resolve(notDone);
  };

  /** Captured and not refunded; authorized and neither captured nor voided. */
  moneyOf(orderId: string): { kept: number; setAside: number } {
    const sum = (kind: Call) =>
      this.done
        .filter((one) => one.kind === kind && one.orderId === publicId('ord', orderId))
        .reduce((total, { amount }) => total + amount, 0);
    const isOver = sum('capture') > 0 || sum('void') > 0;
    return { kept: sum('capture') + sum('charge') - sum('refund'), setAside: isOver ? 0 : sum('authorize') };
  }

  private async called(kind: Call, request: AuthorizeRequest | FollowUpRequest): Promise<GatewayResult> {
    const fate = this.fails[kind];
    if (fate === 'held back') return { status: 'not-asked', detail: 'the circuit is open' };
    await this.whileAsked();
    if (fate === 'question lost') return silence;
    if (fate === 'error') return serverError;
    const answer = this.once(kind, request);
    return fate === 'answer lost' ? silence : answer;
  }

  private once(kind: Call, request: AuthorizeRequest | FollowUpRequest): GatewayResult {
    const known = this.answers.get(request.key);
    if (known) return known;
    const refused = this.declines[kind];
    const amount = request.amount + this.overcharge;
    const answer = refused ? declinedCard : approvalOf({ ...request, amount });
    this.answers.set(request.key, answer);
    if (answer.status === 'approved' && isAuthorization({ kind }))
      this.authorized.set(answer.reference, request);
    const { key, metadata } = request;
    if (!refused) this.done.push({ kind, key, orderId: metadata.orderId, amount });
    return answer;
  }
}

/**
 * The database of a process that will die: a number of transactions commit, the next one is rolled back at its end, and
 * its caller waits forever. `crashed` resolves at that moment.
 */
export function databaseThatDiesAfter(
  commits: number,
  db: Database,
): { db: Database; crashed: Promise<void> } {
  let left = commits;
  let onCrash: () => void = () => undefined;
  const crashed = new Promise<void>((resolve) => (onCrash = resolve));
  const death = new Error('the process dies here');
  const neverAgain = (): Promise<never> => {
    onCrash();
    return new Promise<never>(() => undefined);
  };
  const doomed = Object.create(db) as Database;
  doomed.transaction = async (name, work, options) => {
    if (left-- > 0) return db.transaction(name, work, options);
    const dying = db.transaction(name, async (tx) => {
      await work(tx);
      throw death;
    });
    await dying.catch(() => undefined);
    return neverAgain();
  };
  // A single statement is a transaction too, and a dead process sends none.
  doomed.rows = (sql, parameters) => (left > 0 ? db.rows(sql, parameters) : neverAgain());
  return { db: doomed, crashed };
}
