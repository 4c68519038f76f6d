import { newId } from '../ids';
import { type OperationNaming, purposeKey, requestKey } from './operation-names';
import type { PaymentOptions } from './payment-options';
import {
  type OperationKind,
  type OperationStatus,
  type PaymentOperation,
  isAuthorization,
} from './payment-operations.repository';

export interface OperationResult {
  status: 'approved' | 'declined' | 'unknown' | 'pending' | 'failed';
  providerReference?: string;
  declineCode?: string;
  detail?: string;
  doubt?: string;
  looks?: number;
  waitsFor?: 'buyer' | 'provider';
  failureReason?: string;
  actionExpiresAt?: Date | null;
  captureBefore?: Date;
  checkAt?: Date;
  mayTryAnotherCard?: boolean;
  reported?: PaymentOperation['reported'];
}

type PaidTask = Pick<PaymentOperation, 'id' | 'kind' | 'amount' | 'request'>;

/** What the operations of an order are made from. */
interface PaidOrder {
  orderId: string;
  amount: number;
  currency: string;
  naming: OperationNaming;
  /** The one under way. */
  paymentAttempt: number;
  /** Its options and account. */
  payment: PaymentOptions | null;
}

/**
 * The payments of one order, moved by its saga: in memory, under the saga's lock, written by `savePayments` with those of
 * many others.
 */
export class OrderPayments {
  private readonly byId: Map<string, PaymentOperation>;
  private readonly changed = new Set<string>();

  constructor(
    private readonly order: PaidOrder,
    operations: PaymentOperation[],
    private readonly now: Date,
  ) {
    this.byId = new Map(operations.map((operation) => [operation.id, operation]));
  }

  get naming(): OperationNaming {
    return this.order.naming;
  }

  /** The newest operation of this kind, of the present payment attempt. Refunds in part are their tasks' business. */
  find(kind: OperationKind): PaymentOperation | undefined {
    return this.present.findLast((operation) => operation.kind === kind && operation.request === null);
  }

  get(operationId: string): PaymentOperation | undefined {
    return this.byId.get(operationId);
  }

  /** The newest that a payment task asked for. */
  ofTask(taskId: string): PaymentOperation | undefined {
    return this.all.findLast((operation) => operation.taskId === taskId);
  }

  /** Asked for, under way or done; one that failed is not. In minor units. */
  get refundedInParts(): number {
    return this.all
      .filter(({ request, status }) => request !== null && status !== 'failed' && status !== 'declined')
      .reduce((sum, { amount }) => sum + amount, 0);
  }

  /** What makes the payment of the present attempt: the newest authorization or charge. */
  get authorization(): PaymentOperation | undefined {
    return this.present.findLast(isAuthorization);
  }

  private get present(): PaymentOperation[] {
    return this.all.filter(({ paymentAttempt }) => paymentAttempt === this.order.paymentAttempt);
  }

  /** Creates it if there is none, or if nothing came of the last one. */
  findOrCreate(kind: OperationKind, amount?: number): PaymentOperation {
    const newest = this.find(kind);
    return newest && newest.status !== 'failed' ? newest : this.create(kind, amount);
  }

  /** The next number of this kind, under a new key. The one before must have failed. */
  create(kind: OperationKind, amount = this.order.amount): PaymentOperation {
    const { naming, orderId, currency, paymentAttempt } = this.order;
    const own = this.all.filter((operation) => operation.kind === kind && operation.request === null);
    const number = own.length + 1;
    const names =
      naming === 'row'
        ? { number: null, providerKey: null }
        : { number, providerKey: purposeKey(orderId, kind, number) };
    return this.put({
      id: newId(),
      orderId,
      kind,
      request: null,
      taskId: null,
      ...names,
      status: 'created',
      attempt: 0,
      amount,
      currency,
      providerReference: null,
      declineCode: null,
      detail: null,
      doubt: null,
      looks: 0,
      waitsFor: null,
      failureReason: null,
      paymentAttempt,
      actionExpiresAt: null,
      captureBefore: null,
      mayTryAnotherCard: false,
      stripeAccount: this.accountFor(kind),
      createdAt: this.now,
      sentAt: null,
      settledAt: null,
    });
  }

  /** The next of a payment task, under a new key. A refund in part is named by its request. */
  createForTask({ id: taskId, kind, amount, request }: PaidTask): PaymentOperation {
    const operation = this.create(kind, amount);
    if (request === null) return this.put({ ...operation, taskId });
    const number = 1 + this.all.filter((one) => one.request === request).length;
    const providerKey = requestKey(operation.orderId, request, number);
    return this.put({ ...operation, taskId, request, number, providerKey });
  }

  /** An authorization is made at the account of the order's present payment; what follows it, where it was made. */
  private accountFor(kind: OperationKind): string | null {
    const authorization = isAuthorization({ kind }) ? undefined : this.authorization;
    return authorization ? authorization.stripeAccount : (this.order.payment?.stripeAccount ?? null);
  }

  has({ id }: PaymentOperation): boolean {
    return this.byId.has(id);
  }

  /** The call is about to be made: from now on it may have been. A look changes nothing but is counted. */
  markAsked(operation: PaymentOperation, { sends }: { sends: boolean }): void {
    if (isSettled(operation.status))
      throw new Error(`Bug: operation ${operation.id} is settled and must not be sent again.`);
    const attempt = operation.attempt + 1;
    if (!sends) return void this.put({ ...operation, attempt });
    const status = operation.status === 'created' ? 'sent' : operation.status;
    this.put({ ...operation, status, attempt, looks: 0, sentAt: this.now });
  }

  /** The call was held back in this process: the operation is as it was before `markAsked`. */
  markNotSent(before: PaymentOperation): void {
    const now = this.byId.get(before.id)!;
    if (isSettled(now.status)) return;
    this.put({ ...now, status: before.status, attempt: now.attempt - 1, sentAt: before.sentAt });
  }

  /** A settled operation keeps its result. What the result does not mention stays as it was. */
  record(operationId: string, result: OperationResult): void {
    const operation = this.byId.get(operationId);
    if (!operation || isSettled(operation.status)) return;
    this.put({
      ...operation,
      status: result.status,
      providerReference: result.providerReference ?? operation.providerReference,
      declineCode: result.declineCode ?? null,
      detail: result.detail?.slice(0, 500) ?? null,
      doubt: result.doubt ?? null,
      looks: result.looks ?? operation.looks,
      waitsFor: result.status === 'pending' ? (result.waitsFor ?? operation.waitsFor) : null,
      failureReason: result.failureReason?.slice(0, 255) ?? null,
      actionExpiresAt: result.actionExpiresAt ?? operation.actionExpiresAt,
      mayTryAnotherCard: result.mayTryAnotherCard ?? false,
      settledAt: isSettled(result.status) ? this.now : null,
      captureBefore: result.captureBefore ?? operation.captureBefore,
      checkAt: result.checkAt,
      reported: result.reported,
    });
  }

  /** What `savePayments` writes. */
  changes(): PaymentOperation[] {
    return [...this.changed].map((id) => this.byId.get(id)!);
  }

  get all(): PaymentOperation[] {
    return [...this.byId.values()];
  }

  private put(operation: PaymentOperation): PaymentOperation {
    this.byId.set(operation.id, operation);
    this.changed.add(operation.id);
    return operation;
  }
}

const isSettled = (status: OperationStatus) =>
  status === 'approved' || status === 'declined' || status === 'failed';
