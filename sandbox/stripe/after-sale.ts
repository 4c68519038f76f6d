import type Stripe from 'stripe';
import type { DisputeRecord, RefundRecord } from '../ledger/records';
import { derivedId, seconds } from './charge';

/** Stripe gives a shop one to three weeks to answer, by card network. */
const answerMs = 9 * 86_400_000;

export function renderRefund(refund: RefundRecord) {
  const status = refund.status ?? 'succeeded';
  return {
    id: refund.id,
    object: 'refund',
    amount: refund.amount,
    balance_transaction: derivedId('txn', refund.id),
    charge: refund.chargeId,
    created: seconds(refund.createdAt),
    currency: refund.currency,
    customer: null,
    customer_account: null,
    ...(status === 'failed' && {
      failure_balance_transaction: derivedId('txn_back', refund.id),
      failure_reason: refund.failureReason ?? 'unknown',
    }),
    metadata: refund.metadata as Record<string, string>,
    payment_intent: refund.paymentIntent,
    payment_method: null,
    ...(status === 'pending' && { pending_reason: 'processing' as const }),
    reason: refund.reason,
    receipt_number: null,
    source_transfer_reversal: null,
    status,
    transfer_reversal: null,
  } satisfies Stripe.Refund;
}

export function renderDispute(dispute: DisputeRecord) {
  const isAnswered = dispute.status !== 'needs_response';
  return {
    id: dispute.id,
    object: 'dispute',
    amount: dispute.amount,
    balance_transactions: [],
    charge: dispute.chargeId,
    created: seconds(dispute.createdAt),
    currency: dispute.currency,
    enhanced_eligibility_types: [],
    evidence: noEvidence,
    evidence_details: {
      due_by: seconds(dispute.createdAt + answerMs),
      enhanced_eligibility: {},
      has_evidence: isAnswered,
      past_due: false,
      submission_count: isAnswered ? 1 : 0,
      submission_method: isAnswered ? 'manual' : 'not_submitted',
    },
    intended_submission_method: null,
    is_charge_refundable: false,
    livemode: false,
    metadata: {},
    payment_intent: dispute.paymentIntent,
    payment_method_details: {
      card: { brand: 'visa', case_type: 'chargeback', network: 'visa', network_reason_code: null },
      type: 'card',
    },
    reason: dispute.reason,
    status: dispute.status,
  } satisfies Stripe.Dispute;
}

const noEvidence = {
  access_activity_log: null,
  billing_address: null,
  cancellation_policy: null,
  cancellation_policy_disclosure: null,
  cancellation_rebuttal: null,
  customer_communication: null,
  customer_email_address: null,
  customer_name: null,
  customer_purchase_ip: null,
  customer_signature: null,
  duplicate_charge_documentation: null,
  duplicate_charge_explanation: null,
  duplicate_charge_id: null,
  enhanced_evidence: {},
  product_description: null,
  receipt: null,
  refund_policy: null,
  refund_policy_disclosure: null,
  refund_refusal_explanation: null,
  service_date: null,
  service_documentation: null,
  shipping_address: null,
  shipping_carrier: null,
  shipping_date: null,
  shipping_documentation: null,
  shipping_tracking_number: null,
  uncategorized_file: null,
  uncategorized_text: null,
} satisfies Stripe.Dispute.Evidence;
