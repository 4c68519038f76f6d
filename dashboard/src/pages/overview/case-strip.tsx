import { ArrowRight } from 'lucide-react';
import type { ReviewCounts } from '../../api/openapi';
import { Button } from '../../components/forms/button';
import { Ago } from '../../components/values/figures';
import { Shape } from '../../components/values/shape';
import { formatMoneyList } from '../../formatting/money';
import { plural } from '../../formatting/numbers';
import styles from './case-strip.module.css';

/** Cases come before everything else: how much money is at risk, and for how long. */
export function CaseStrip({ review, at }: { review: ReviewCounts; at: number }) {
  const { cases, moneyAtRisk, oldestSeconds } = review;
  return (
    <section className={styles.strip} aria-label="Cases that need review">
      <span className={styles.sign}>
        <Shape name="stuck" size={15} />
      </span>
      <p>
        <b>
          {plural(cases, 'case')} {cases === 1 ? 'needs' : 'need'} review.
        </b>{' '}
        {moneyAtRisk.length > 0 && `${formatMoneyList(moneyAtRisk)} at risk`}
        {oldestSeconds !== null && (
          <>
            {moneyAtRisk.length > 0 ? ', the' : 'The'} oldest has waited{' '}
            <Ago seconds={oldestSeconds} at={at} />.
          </>
        )}{' '}
        {kinds(review)}.
      </p>
      <Button href="/review">
        Review <ArrowRight size={14} aria-hidden />
      </Button>
    </section>
  );
}

const kinds = ({
  stuckSagas,
  unknownPayments,
  deadLetters,
  paymentCases,
  failingEndpoints,
}: ReviewCounts): string =>
  [
    stuckSagas > 0 && plural(stuckSagas, 'stuck saga'),
    unknownPayments > 0 && plural(unknownPayments, 'unknown payment'),
    deadLetters > 0 && plural(deadLetters, 'dead letter'),
    paymentCases > 0 && plural(paymentCases, 'payment case'),
    failingEndpoints > 0 && plural(failingEndpoints, 'failing webhook endpoint'),
  ]
    .filter(Boolean)
    .join(', ');
