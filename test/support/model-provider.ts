import type {
  AuthorizeRequest,
  FollowUpRequest,
  GatewayResult,
  LookRequest,
  NotDone,
  PaymentGateway,
} from '../../src/payment/gateways/gateway';
import type { OperationKind } from '../../src/payment/payment-operations.repository';
import { approvalOf, declinedCard, notDone, silence } from './scripted-gateway';

export type Kind = OperationKind;

/** What happens to one call. A key that was approved or declined once stays so. */
export type Word =
  | 'approve'
  | 'decline'
  /** The call is lost, or its answer is. */
  | 'lose-call'
  | 'lose-answer'
  /** Never sent, because the provider has been silent for a while. */
  | 'hold-back'
  /** Approved in the provider's words, for a sum that nobody asked for. */
  | 'other-sum'
  /** The worker that asks falls asleep, with its call lost or with its answer at hand. */
  | 'sleep-before'
  | 'sleep-after';

export const reachesProvider = (word: Word) =>
  word !== 'lose-call' && word !== 'hold-back' && word !== 'sleep-before';

/** A provider with a script for the next calls; without one it approves. */
export class ModelProvider implements PaymentGateway {
  script: Word[] = [];
  private readonly truth = new Map<string, GatewayResult>();
  private readonly ledger = new Map<string, Kind[]>();
  private readonly authorized = new Map<string, AuthorizeRequest | FollowUpRequest>();
  private onAsleep: (wake: () => void) => void = () => undefined;

  authorize = (request: AuthorizeRequest) => this.answer('authorize', request);
  charge = (request: AuthorizeRequest) => this.answer('charge', request);
  capture = (request: FollowUpRequest) => this.answer('capture', request);
  void = (request: FollowUpRequest) => this.answer('void', request);
  refund = (request: FollowUpRequest) => this.answer('refund', request);

  /** Shows a known authorization; for the rest its records lag, and never show what the same key would. */
  look = ({ kind, authorization }: LookRequest): Promise<GatewayResult | NotDone> => {
    const known = kind === 'authorize' && authorization && this.authorized.get(authorization);
    return known ? this.answer('authorize', known) : Promise.resolve(notDone);
  };

  /** The operations executed for an order, in order. */
  doneFor(orderId: string): Kind[] {
    return this.ledger.get(orderId) ?? [];
  }

  /** Resolves when a worker falls asleep, with a function that wakes it. */
  asleep(): Promise<() => void> {
    return new Promise((resolve) => (this.onAsleep = resolve));
  }

  private async answer(kind: Kind, request: AuthorizeRequest | FollowUpRequest): Promise<GatewayResult> {
    const word = this.script.shift() ?? 'approve';
    const { key, metadata } = request;
    const { orderId } = metadata;
    if (reachesProvider(word) && !this.truth.has(key)) {
      const declined = word === 'decline';
      const answer = declined ? declinedCard : approvalOf(request);
      this.truth.set(key, answer);
      if (answer.status === 'approved' && kind === 'authorize')
        this.authorized.set(answer.reference, request);
      if (!declined) this.ledger.set(orderId, [...this.doneFor(orderId), kind]);
    }
    const known = () => this.truth.get(key) ?? silence;
    switch (word) {
      case 'approve':
      case 'decline':
        return known();
      case 'lose-call':
      case 'lose-answer':
        return silence;
      case 'hold-back':
        return { status: 'not-asked', detail: 'held back' };
      case 'other-sum': {
        const answer = known();
        return answer.status === 'approved' ? { ...answer, amount: request.amount + 1 } : answer;
      }
      case 'sleep-before':
      case 'sleep-after':
        await new Promise<void>((wake) => this.onAsleep(wake));
        return known();
    }
  }
}
