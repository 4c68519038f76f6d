import type {
  AuthorizeRequest,
  FollowUpRequest,
  GatewayResult,
  PaymentGateway,
} from '../../src/payment/gateways/gateway';

type Kind = 'authorize' | 'capture' | 'void' | 'refund';
type Request = AuthorizeRequest | FollowUpRequest;
type Reply = GatewayResult | 'approved' | ((request: Request) => Promise<GatewayResult> | GatewayResult);

export const declinedCard: GatewayResult = { status: 'declined', code: 'card_declined' };
export const silence: GatewayResult = { status: 'unknown', code: 'no_answer', detail: 'no answer in time' };
export const serverError: GatewayResult = {
  status: 'unknown',
  code: 'provider_error',
  httpStatus: 500,
  detail: 'the provider answered 500',
};

/** What a provider says when all is well: the amount it was asked for, under a reference of its own. */
export const approvalOf = ({ key, amount, currency }: Request): GatewayResult => ({
  status: 'approved',
  reference: `ref_${key}`,
  amount,
  currency,
});

/**
 * A provider that plays one side of a conversation: each call must be the next line of the script, and is answered by
 * it. What it was asked stays in `calls`; a line that was spoken out of turn makes `expectSpoken` fail.
 */
export class ScriptedGateway implements PaymentGateway {
  readonly calls: { kind: Kind; request: Request }[] = [];
  private script: { kind: Kind; reply: Reply }[] = [];
  private readonly outOfTurn: string[] = [];

  /** The next call, and what it is answered. */
  expect(kind: Kind, reply: Reply = 'approved'): this {
    this.script.push({ kind, reply });
    return this;
  }

  /** The whole script was spoken, and nothing beside it. Leaves an empty script for the next conversation. */
  expectSpoken(): void {
    const left = this.script.splice(0).map(({ kind }) => `never asked: ${kind}`);
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
