import { ChevronDown, ChevronRight } from 'lucide-react';
import { Fragment, useState } from 'react';
import type { PaymentOperation, Saga, SagaTransition } from '../../api/openapi';
import { ScrollBox } from '../../components/tables/scroll-box';
import { None } from '../../components/values/figures';
import { NNBSP } from '../../formatting/numbers';
import { formatStep } from '../../formatting/steps';
import { classes } from '../../theme/classes';
import styles from './transitions-table.module.css';

/** The transitions, newest first. A row opens to the stored data and the provider's ids. */
export function TransitionsTable({ saga }: { saga: Saga }) {
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  const toggle = (version: number) =>
    setOpened(
      (before) =>
        new Set(before.has(version) ? [...before].filter((one) => one !== version) : [...before, version]),
    );
  return (
    <ScrollBox label="Transitions, newest first">
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">After</th>
            <th scope="col">What</th>
            <th scope="col">Change</th>
            <th scope="col">Cause</th>
            <th scope="col">By</th>
          </tr>
        </thead>
        <tbody>
          {saga.transitions.toReversed().map((transition) => {
            const { version, step, detail, worker } = transition;
            const isOpen = opened.has(version);
            const Chevron = isOpen ? ChevronDown : ChevronRight;
            return (
              <Fragment key={version}>
                <tr>
                  <td>
                    <button
                      type="button"
                      className={styles.open}
                      aria-expanded={isOpen}
                      aria-label={`Transition ${version}, ${offset(transition)}`}
                      onClick={() => toggle(version)}
                    >
                      <Chevron size={13} aria-hidden /> {offset(transition)}
                    </button>
                  </td>
                  <td>
                    <b>{formatStep(step)}</b>
                  </td>
                  <td className={classes(styles[toneOf(transition)])}>{changeOf(transition)}</td>
                  <td className={styles.cause} title={detail ?? undefined}>
                    {detail ?? <None />}
                  </td>
                  <td className={styles.by} title={worker}>
                    {worker}
                  </td>
                </tr>
                {isOpen ? (
                  <tr className={styles.raw}>
                    <td colSpan={5}>
                      <pre>
                        {JSON.stringify(
                          { ...transition, operation: askedBy(transition, saga.operations) },
                          null,
                          2,
                        )}
                      </pre>
                    </td>
                  </tr>
                ) : null}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </ScrollBox>
  );
}

const offset = ({ afterMs }: SagaTransition) => `+${(afterMs / 1_000).toFixed(3)}${NNBSP}s`;

const causeLabels: Record<SagaTransition['cause'], (transition: SagaTransition) => string> = {
  accepted: () => 'accepted, stock taken',
  asked: ({ attempt, code }) => `${code === 'payment_looked_up' ? 'looked up' : 'sent'}, attempt ${attempt}`,
  done: ({ from, code }) =>
    code === 'refund_accepted' ? 'refund accepted' : from === 'compensating' ? 'undone' : 'done',
  declined: () => 'sent → declined',
  unknown: () => 'sent → unknown',
  'not-asked': () => 'held back, not sent',
  failed: () => 'error, will be retried',
  waiting: () => 'the provider decides later',
  'waits-for-buyer': ({ code }) =>
    code === 'another_card_awaited' ? 'declined, waits for another card' : 'the buyer must authenticate',
  'paid-again': () => 'the buyer pays with another card',
  blocked: ({ data }) => (isRefusedKey(data) ? 'key refused, asked again' : 'blocked, an operator must act'),
  'worker-lost': () => 'worker lost the lease',
  'turn-back': ({ code }) => (code === 'refund_requested' ? 'refund requested' : 'cancellation requested'),
  retried: () => 'retried by an operator',
  'refund-retried': () => 'failed refund made again by an operator',
  'compensated-by-hand': () => 'compensated by an operator',
  'given-up': () => 'marked as resolved',
  reacquired: () => 'late charge, stock taken again',
};

/** After these it goes on by itself, once the key is replaced. */
const isRefusedKey = (data: SagaTransition['data']) => data?.httpStatus === 401 || data?.httpStatus === 403;

/** What happened, and the saga's new status if it changed. */
function changeOf(transition: SagaTransition): string {
  const { from, to, cause } = transition;
  const moved = from !== null && from !== to ? `, now ${to}` : '';
  return (causeLabels[cause]?.(transition) ?? cause) + moved;
}

function toneOf({ cause, to }: SagaTransition): string {
  if (cause === 'unknown') return 'unk';
  if (cause === 'declined' || cause === 'blocked' || to === 'stuck') return 'bad';
  return 'plain';
}

/** The provider operation of this transition, with the provider's id. */
const askedBy = ({ data }: SagaTransition, operations: readonly PaymentOperation[]) =>
  operations.find(({ id }) => id === data?.operationId) ??
  operations.findLast(({ kind }) => kind === data?.operation);
