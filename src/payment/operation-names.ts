import { cellOf, publicId } from '../ids';

/**
 * How a saga's operations are named at the provider. It depends on the saga's code version, because a repeat needs the same
 * key and, since Stripe compares them, the same parameters.
 *
 * row           by the row's id, which is random. Builds before code version 2 used it; their sagas keep it
 * purpose       by order, kind and number. A restored database that lost the row derives the same key, and so gets the
 *               result that the provider gave before
 * installation  the same, and the metadata names the installation, because others may use the provider's account
 */
export type OperationNaming = 'row' | 'purpose' | 'installation';

/** An operation's idempotency key and metadata. They must not depend on time, build or settings. */
export interface OperationNames {
  /** See `PaymentOperation.stripeAccount`. The provider keeps keys and objects per account. */
  account: string | null;
  key: string;
  /** Kept by the provider; finds the operation when it has forgotten the key. */
  metadata: { orderId: string } & Record<string, string>;
}

/** What an operation is named by. */
interface NamedOperation {
  id: string;
  orderId: string;
  kind: string;
  number: number | null;
  request: string | null;
  providerKey: string | null;
  stripeAccount: string | null;
}

/** `installation`: its id, for sagas whose naming includes it. */
export function namesOf(operation: NamedOperation, installation?: string): OperationNames {
  const orderId = publicId('ord', operation.orderId);
  const account = operation.stripeAccount;
  if (operation.providerKey === null) {
    const operationId = publicId('pay', operation.id);
    return { account, key: operationId, metadata: { orderId, operationId } };
  }
  const { providerKey: key, kind, number } = operation;
  // guard: provider-metadata-from-purpose
  const metadata = { orderId, kind, number: String(number) };
  const cell = cellOf(operation.orderId);
  const more = {
    // For people at the provider: the id has it too. Payments of builds without cells, which are of cell 0, do not name it.
    ...(cell > 0 && { cell: String(cell) }),
    ...(operation.request && { request: operation.request }),
    ...(installation && { installation }),
  };
  return { account, key, metadata: { ...metadata, ...more } };
}

export const purposeKey = (orderId: string, kind: string, number: number): string =>
  // guard: provider-key-from-purpose
  `${publicId('ord', orderId)}:${kind}:${number}`;

/** Of a refund in part: the number counts what was sent for this request. */
export const requestKey = (orderId: string, request: string, number: number): string =>
  `${publicId('ord', orderId)}:refund:${request}:${number}`;
