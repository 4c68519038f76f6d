import { TriangleAlert } from 'lucide-react';
import { Fragment } from 'react';
import type { Problem } from '../../api/problem';
import { NBSP } from '../../formatting/numbers';
import { Button } from '../forms/button';
import styles from './states.module.css';

/** A part of the page that could not be loaded. The rest works on. */
export function LoadError({ what, problem, retry }: { what: string; problem: Problem; retry: () => void }) {
  const wait = problem.retryAfter === null ? '' : `, retry in ${problem.retryAfter}${NBSP}s`;
  const answer = problem.status === 0 ? 'no answer' : String(problem.status);
  const known = problem.status >= 400 && problem.status < 500;
  return (
    <div className={styles.trouble} role="group" aria-label={`${what} could not be loaded`}>
      <span className={styles.sign}>
        <TriangleAlert size={16} aria-hidden />
      </span>
      <p>
        Could not load {what} ({answer}
        {wait}). {known ? problem.detail : 'The rest of the page still works.'}
      </p>
      <Button small onClick={retry}>
        Try now
      </Button>
      {problem.requestId !== null && <p className={styles.request}>request {problem.requestId}</p>}
    </div>
  );
}

/** Grey placeholder rows of the final height, so that nothing jumps when the data arrives. */
export function Loading({ rows, height }: { rows: number; height?: number }) {
  return (
    <div className={styles.loading} data-loading aria-hidden>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className={styles.row} style={height === undefined ? undefined : { height }} />
      ))}
    </div>
  );
}

/** An empty state, with its reason. */
export function Empty({
  title,
  action,
  children,
}: {
  title: string;
  action?: React.ReactNode;
  children?: React.ReactNode;
}) {
  return (
    <div className={styles.empty}>
      <p>{title}</p>
      {children}
      {action}
    </div>
  );
}

/** A list of facts: names on the left, values on the right. */
export function Facts({ items }: { items: readonly (readonly [React.ReactNode, React.ReactNode])[] }) {
  return (
    <dl className={styles.facts}>
      {items.map(([name, value], at) => (
        <Fragment key={at}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </Fragment>
      ))}
    </dl>
  );
}
