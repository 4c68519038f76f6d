import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { received } from '../../api/cache';
import { send } from '../../api/client';
import { useIsUpToDate } from '../../api/live';
import { type Problem, toProblem } from '../../api/problem';
import type { Audit, Promises } from '../../api/openapi';
import { useApi } from '../../api/use-api';
import { useAnnounce } from '../../components/feedback/announcer';
import { Tooltip } from '../../components/feedback/tooltip';
import { Button } from '../../components/forms/button';
import { Panel } from '../../components/layout/panel';
import { LoadError } from '../../components/layout/states';
import { StatusBadge } from '../../components/values/badge';
import { Ago } from '../../components/values/figures';
import { Shape } from '../../components/values/shape';
import { formatDuration } from '../../formatting/durations';
import { plural } from '../../formatting/numbers';
import { classes } from '../../theme/classes';
import { Violations } from './violations';
import styles from './promises-panel.module.css';

const groups: readonly { name: string; numbers: readonly number[] }[] = [
  { name: 'Stock', numbers: [1, 2, 3, 7, 19] },
  { name: 'Money', numbers: [4, 5, 6, 8, 15, 20] },
  { name: 'Orders', numbers: [9, 12, 13, 17, 18] },
  { name: 'Messages', numbers: [10, 11, 14, 16] },
];

type Held = Promises['invariants'][number];

/** The invariants, each as a square coloured by the last audit. */
export function PromisesPanel({ promises, at }: { promises: Promises | null; at: number }) {
  const { auditNow, busy, problem } = useAudit();
  const current = useIsUpToDate();
  const note =
    promises === null ? (
      'not audited yet'
    ) : (
      <>
        audited <Ago seconds={promises.ageSeconds} at={at} /> ago in {formatDuration(promises.tookMs)}
      </>
    );
  return (
    <Panel
      id="promises"
      title="Promises"
      note={note}
      action={
        <Button
          small
          busy={busy}
          off={current ? null : 'Disabled until the connection is back'}
          onClick={auditNow}
        >
          {busy ? 'Auditing' : 'Audit now'}
        </Button>
      }
    >
      {problem && <LoadError what="the audit" problem={problem} retry={auditNow} />}
      {promises && <Squares held={promises.invariants} />}
      {promises?.ok && (
        <p className={styles.sentence}>
          Nothing oversold, no customer charged without an order, no order placed without a charge.
        </p>
      )}
      {promises && !promises.ok && <BrokenRows />}
    </Panel>
  );
}

function Squares({ held }: { held: readonly Held[] }) {
  const byNumber = new Map(held.map((one) => [Number(one.id.slice(1)), one]));
  const known = new Set(groups.flatMap(({ numbers }) => numbers));
  const others = [...byNumber.keys()].filter((number) => !known.has(number));
  const shown = others.length === 0 ? groups : [...groups, { name: 'Others', numbers: others }];
  return shown.map(({ name, numbers }) => {
    const promises = numbers.map((number) => byNumber.get(number)).filter((one) => one !== undefined);
    const holding = promises.filter(({ violations }) => violations === 0).length;
    return (
      <div key={name} className={styles.group}>
        <h3>{name}</h3>
        <div className={styles.squares}>
          {promises.map((one) => (
            <Square key={one.id} held={one} />
          ))}
        </div>
        <span className={styles.verdict}>
          <StatusBadge
            plain
            kind="promise"
            status={holding === promises.length ? 'holds' : 'broken'}
            text={`${holding} of ${promises.length} hold`}
          />
        </span>
      </div>
    );
  });
}

function Square({ held: { id, promise, violations } }: { held: Held }) {
  const broken = violations > 0;
  const label = broken
    ? `${id} is broken (${plural(violations, 'row')}): ${promise}`
    : `${id} holds: ${promise}`;
  return (
    <Tooltip text={label}>
      <button type="button" className={classes(styles.square, broken && styles.broken)} aria-label={label}>
        <span className={styles.inner}>{broken ? <Shape name="stuck" size={12} /> : id.slice(1)}</span>
      </button>
    </Tooltip>
  );
}

/** The overview has the counts; the violating rows are fetched only when there are any. */
function BrokenRows() {
  const { data, error, refetch } = useApi<Audit>('invariants');
  if (data) return <Violations audit={data} />;
  return error ? <LoadError what="the violations" problem={error} retry={refetch} /> : null;
}

function useAudit() {
  const cache = useQueryClient();
  const announce = useAnnounce();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const auditNow = (): void => {
    setBusy(true);
    setProblem(undefined);
    send<Audit>('GET', 'invariants')
      .then((audit) => {
        cache.setQueryData(['invariants'], received(audit));
        void cache.invalidateQueries({ queryKey: ['overview'] });
        const broken = audit.invariants.filter(({ violations }) => violations.length > 0).length;
        announce(broken === 0 ? 'All promises hold.' : `${plural(broken, 'promise')} broken.`);
      })
      .catch((error: unknown) => setProblem(toProblem(error)))
      .finally(() => setBusy(false));
  };
  return { auditNow, busy, problem };
}
