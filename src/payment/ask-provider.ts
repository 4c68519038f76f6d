import type { GatewayResult, NotDone, PaymentGateway } from './gateways/gateway';
import type { SentOptions } from './payment-options';
import type { OperationNames } from './operation-names';
import { type OperationKind, isAuthorization } from './payment-operations.repository';

/**
 * How the provider is asked about an operation.
 *
 * send              for the first time, or again under the same key while there is no reference to look at
 * look              only looks: the provider has it and has not decided, or it was named by an event
 * look-before-send  a doubtful capture, void or refund: what the provider shows decides, else the same key is sent again
 * search            there is no reference, and the key holds an error or may be forgotten: a search by the metadata
 * search-before-send  an old or a restored order: the provider may hold a charge under a key that both have forgotten
 */
export type AskMode = 'send' | 'look' | 'look-before-send' | 'search' | 'search-before-send';

/** May the call move money? Then the operation is committed as sent before it. */
export const isSend = (mode: AskMode) => mode !== 'look' && mode !== 'search';

export interface ProviderRequest extends OperationNames {
  kind: OperationKind;
  mode: AskMode;
  amount: number;
  currency: string;
  paymentMethod: string;
  options: SentOptions;
  /** The provider's id of the authorization, once it is known. */
  authorization: string | undefined;
  /** See `AuthorizeRequest`. */
  asksDeadline?: boolean;
}

/**
 * After a doubt: with a reference look first, without one send the same key again.
 *
 * The provider saves the first result under a key, errors included, and repeats it. A look therefore decides wherever there
 * is something to look at. Without a reference the same key is the quickest answer and cannot charge twice; a search by
 * metadata lags, so it comes only after a saved error. `mayCallAgain` is false when the lease leaves no time for another call.
 */
export async function askProvider(
  gateway: PaymentGateway,
  request: ProviderRequest,
  mayCallAgain: () => boolean,
): Promise<GatewayResult> {
  const { mode } = request;
  if (mode !== 'send') {
    const seen = await look(gateway, request);
    if (seen.status !== 'not-done') return seen;
    if (mode === 'look') return { status: 'unknown', code: 'no_clear_answer', detail: seen.detail };
    if (mode === 'search') return { status: 'unknown', code: 'not_found', detail: seen.detail };
    if (!mayCallAgain()) return { status: 'unknown', code: 'no_clear_answer', detail: seen.detail };
  }
  const result = await send(gateway, request);
  if (!isInDoubtForGood(result) || isAuthorization(request) || !mayCallAgain()) return result;
  const seen = await look(gateway, request);
  if (seen.status !== 'not-done') return isDecisive(seen) ? seen : result;
  return result.status === 'unknown' ? { ...result, nothingWasDone: true } : result;
}

function look(gateway: PaymentGateway, request: ProviderRequest): Promise<GatewayResult | NotDone> {
  const { kind, mode, account, metadata, authorization, asksDeadline } = request;
  const isSearch = mode === 'search' || mode === 'search-before-send';
  // guard: a-look-decides
  const named = isSearch ? null : (authorization ?? null);
  return gateway.look({ kind, account, metadata, asksDeadline, authorization: named });
}

function send(gateway: PaymentGateway, request: ProviderRequest): Promise<GatewayResult> {
  const { kind, authorization, paymentMethod, options, account, key, metadata, amount, currency } = request;
  const operation = { account, key, metadata, amount, currency };
  if (kind === 'authorize' || kind === 'charge')
    return gateway[kind]({ ...operation, paymentMethod, options, asksDeadline: request.asksDeadline });
  if (!authorization) throw new Error(`Bug: ${key} has no authorization.`);
  return gateway[kind]({ ...operation, authorization });
}

/**
 * Sending it again brings nothing new: the key holds an error, or the request does not fit the state of the payment, which
 * is how a repeat looks once the provider has forgotten the key.
 */
function isInDoubtForGood(result: GatewayResult): boolean {
  if (result.status === 'misused') return result.httpStatus === 400;
  // guard: silence-brings-no-new-key
  return result.status === 'unknown' && (result.code === 'saved_error' || result.code === 'key_conflict');
}

/** A payment that is processing cannot be changed yet, and is no mistake of ours. */
const isDecisive = (seen: GatewayResult) =>
  (seen.status !== 'unknown' && seen.status !== 'misused' && seen.status !== 'not-asked') ||
  (seen.status === 'unknown' && seen.code === 'still_processing');
