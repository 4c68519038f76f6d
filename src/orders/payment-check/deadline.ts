import type { ProviderPayment } from '../../payment/provider-payments';
import { type Difference, type OurPayment, isHeld, keptReference } from './compare';

/**
 * The deadline of an order that was placed on an authorization: a case appears some time before it, and after it the
 * provider is asked what became of the authorization. That it has ended is never assumed.
 */
export interface Deadline {
  differences: Difference[];
  /** When the order must be checked again. */
  nextAt: Date | null;
}

const none: Deadline = { differences: [], nextAt: null };

export function deadlineOf(
  ours: OurPayment,
  provider: ProviderPayment[],
  { now, noticeMs }: { now: Date; noticeMs: number },
): Deadline {
  const held = heldAuthorization(ours, provider);
  const captureBefore = held?.captureBefore;
  if (!held || !captureBefore) return none;
  const noticeAt = new Date(captureBefore.getTime() - noticeMs);
  if (now < noticeAt) return { differences: [], nextAt: noticeAt };
  const { reference, amount, currency } = held;
  const isKnown = ours.facts.some((one) => one.type === 'authorization_ends' && one.reference === reference);
  const ends: Difference = {
    kind: 'authorization_ends',
    reference,
    amount,
    currency,
    ours: 'not captured',
    provider: `can be captured until ${captureBefore.toISOString()}`,
    at: now,
    status: null,
    dueBy: captureBefore,
    data: {},
    amountAtRisk: ours.amount,
    isCase: true,
    operationId: null,
  };
  return {
    differences: isKnown ? [] : [ends],
    // The provider may end it a little later than it said.
    nextAt: now < captureBefore ? captureBefore : new Date(now.getTime() + afterEndMs),
  };
}

/** Stripe cancels within minutes of the deadline; its event usually comes first. */
const afterEndMs = 60_000;

/** The authorization that a placed order still has to capture, while it stands. */
function heldAuthorization(ours: OurPayment, provider: ProviderPayment[]): ProviderPayment | undefined {
  if (!ours.sagaHasEnded || !isHeld(ours)) return undefined;
  const kept = keptReference(ours);
  return provider.find(({ reference, status }) => reference === kept && status === 'requires_capture');
}
