import type {
  AuthorizeRequest,
  FollowUpRequest,
  GatewayResult,
  LookRequest,
  NotDone,
  PaymentGateway,
} from '../../src/payment/gateways/gateway';
import { type OperationKind, isAuthorization } from '../../src/payment/payment-operations.repository';

type Kind = OperationKind;
type Request = AuthorizeRequest | FollowUpRequest;
type Seen = GatewayResult | NotDone;
type Reply = GatewayResult | 'approved' | ((request: Request) => Promise<GatewayResult> | GatewayResult);

export const declinedCard: GatewayResult = { status: 'declined', code: 'card_declined' };
export const silence: GatewayResult = { status: 'unknown', code: 'no_answer', detail: 'no answer in time' };
export const serverError: GatewayResult = {
  status: 'unknown',
  code: 'provider_error',
  httpStatus: 500,
  detail: 'the provider answered 500',
};

export const notDone: NotDone = { status: 'not-done', detail: 'nothing was done' };

/** An approval: the requested amount, with a new reference. */
export const approvalOf = ({ key, amount, currency }: Request): GatewayResult => ({
  status: 'approved',
  reference: `ref_${key}`,
  amount,
  currency,
});

/**
 * A provider with a script: each call must match the next line, which has its result. `calls` keeps the calls; a call
 * that does not match makes `expectSpoken` fail.
 */
export class ScriptedGateway implements PaymentGateway {
  readonly calls: { kind: Kind; request: Request }[] = [];
  private script: { kind: Kind; reply: Reply }[] = [];
  private readonly outOfTurn: string[] = [];
  readonly looks: LookRequest[] = [];
  private seen: Seen[] = [];

  /** The next call and its result. */
  expect(kind: Kind, reply: Reply = 'approved'): this {
    this.script.push({ kind, reply });
    return this;
  }

  /** What the next look shows. Without a script a look shows that nothing was done. */
  expectLook(...seen: Seen[]): this {
    this.seen.push(...seen);
    return this;
  }

  /** A known authorization is read, which the script plays as another call. */
  look(request: LookRequest): Promise<Seen> {
    this.looks.push(request);
    const known = this.calls.findLast(
      (call) => isAuthorization(call) && call.request.metadata.orderId === request.metadata.orderId,
    );
    if (isAuthorization(request) && request.authorization && known && this.seen.length === 0)
      return this.answer(request.kind, known.request);
    return Promise.resolve(this.seen.shift() ?? notDone);
  }

  /** Expects exactly the calls of the script, and leaves an empty one. */
  expectSpoken(): void {
    const left = this.script.splice(0).map(({ kind }) => `never asked: ${kind}`);
    left.push(...this.seen.splice(0).map(({ status }) => `never looked: ${status}`));
    expect([...this.outOfTurn.splice(0), ...left]).toEqual([]);
  }

  keys(kind: Kind, orderId?: string): string[] {
    const own = this.calls.filter(
      (call) => call.kind === kind && (!orderId || call.request.metadata.orderId === orderId),
    );
    return own.map(({ request }) => request.key);
  }

  authorize(request: AuthorizeRequest) {
    return this.answer('authorize', request);
  }

  charge(request: AuthorizeRequest) {
    return this.answer('charge', request);
  }

  capture(request: FollowUpRequest) {
    return this.answer('capture', request);
  }

  void(request: FollowUpRequest) {
    return this.answer('void', request);
  }

  refund(request: FollowUpRequest) {
    return this.answer('refund', request);
  }

  private async answer(kind: Kind, request: Request): Promise<GatewayResult> {
    this.calls.push({ kind, request });
    const line = this.script.shift();
    if (line?.kind !== kind) {
      this.outOfTurn.push(`asked to ${kind}, expected ${line?.kind ?? 'nothing'}`);
      return silence;
    }
    if (line.reply === 'approved') return approvalOf(request);
    return typeof line.reply === 'function' ? line.reply(request) : line.reply;
  }
}
