import { Play } from 'lucide-react';
import { useState } from 'react';
import { send } from '../../api/client';
import type { LoadTest, NewLoadTestDto } from '../../api/openapi';
import { useInvalidate } from '../../api/use-api';
import { ConfirmDialog } from '../../components/dialogs/confirm-dialog';
import { ActionButton } from '../../components/forms/button';
import { Field, Fields } from '../../components/forms/field';
import { Panel } from '../../components/layout/panel';
import { formatWholeSeconds } from '../../formatting/durations';
import { formatCount } from '../../formatting/numbers';
import { type Draft, draftAtFirst, errorsOf, orderFrom } from './draft';
import { estimateSeconds } from './run-status';
import styles from './new-run.module.css';

interface NewRunProps {
  strategies: readonly string[];
  running: LoadTest | undefined;
  onStarted: (run: LoadTest) => void;
}

export function NewRun({ strategies, running, onStarted }: NewRunProps) {
  const [draft, setDraft] = useState<Draft>(() => draftAtFirst(strategies));
  const [asking, setAsking] = useState(false);
  const errors = errorsOf(draft);
  const order = orderFrom(draft);
  const about = formatWholeSeconds(estimateSeconds(order.buyers, order.rate ?? 1, order.strategies.length));
  const isWrong = Object.keys(errors).length > 0;
  const field = (name: Exclude<keyof Draft, 'strategies'>, label: string, hint?: string) => (
    <Field label={label} error={errors[name] ?? null} hint={hint}>
      {(input) => (
        <input
          {...input}
          inputMode="numeric"
          autoComplete="off"
          value={draft[name]}
          onChange={(event) => setDraft({ ...draft, [name]: event.target.value })}
        />
      )}
    </Field>
  );
  return (
    <Panel title="New rehearsal" note="not offered in production">
      <Fields>
        {field('buyers', 'Buyers')}
        {field('units', 'Units')}
        <StrategyChips
          all={strategies}
          chosen={draft.strategies}
          error={errors.strategies}
          onChange={(chosen) => setDraft({ ...draft, strategies: chosen })}
        />
        {field('declined', 'Cards declined, %')}
        {field('silent', 'Abandon, %', 'reserve and never pay')}
        {field('rate', 'Arrivals per second')}
        {field('seed', 'Seed', 'empty: random')}
        <div className={styles.wide}>
          <ActionButton
            tone="primary"
            icon={Play}
            off={running ? 'A rehearsal is running' : isWrong ? 'Correct the fields above first' : null}
            onClick={() => setAsking(true)}
          >
            Start, about {about}
          </ActionButton>
        </div>
      </Fields>
      {asking ? (
        <StartDialog order={order} about={about} onClose={() => setAsking(false)} onStarted={onStarted} />
      ) : null}
    </Panel>
  );
}

interface StartDialogProps {
  order: Omit<NewLoadTestDto, 'reason'>;
  about: string;
  onClose: () => void;
  onStarted: (run: LoadTest) => void;
}

function StartDialog({ order, about, onClose, onStarted }: StartDialogProps) {
  const invalidate = useInvalidate();
  return (
    <ConfirmDialog<LoadTest>
      open
      onClose={onClose}
      title="Start this rehearsal?"
      numbers={[
        { value: formatCount(order.buyers), label: 'buyers in each lane' },
        { value: formatCount(order.units), label: 'units in each lane' },
        { value: formatCount(order.strategies.length), label: 'lanes, one after another' },
      ]}
      keep="Not now"
      action={`Start, about ${about}`}
      tone="primary"
      send={(reason, key) =>
        send('POST', 'load-tests', { body: { ...order, reason } satisfies NewLoadTestDto, key })
      }
      onDone={(run) => {
        invalidate('load-tests');
        onStarted(run);
      }}
    >
      <p>
        Runs against this database with its own SKUs. Other products are not touched, but the machine will be
        busy for about {about}.
      </p>
    </ConfirmDialog>
  );
}

interface StrategyChipsProps {
  all: readonly string[];
  chosen: readonly string[];
  error: string | undefined;
  onChange: (chosen: string[]) => void;
}

/** In the order chosen, which is the order of the run; the rest follow. */
function StrategyChips({ all, chosen, error, onChange }: StrategyChipsProps) {
  const others = all.filter((name) => !chosen.includes(name));
  return (
    <fieldset className={styles.wide}>
      <legend className={styles.legend}>Strategies, in running order</legend>
      <div className={styles.chips}>
        {[...chosen, ...others].map((name) => {
          const isOn = chosen.includes(name);
          return (
            <button
              key={name}
              type="button"
              className={styles.chip}
              aria-pressed={isOn}
              onClick={() => onChange(isOn ? chosen.filter((one) => one !== name) : [...chosen, name])}
            >
              {name}
            </button>
          );
        })}
      </div>
      {error ? <p className={styles.error}>{error}</p> : null}
    </fieldset>
  );
}
