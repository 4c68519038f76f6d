import { Eye, EyeOff } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useAuth } from '../../api/auth';
import { type Problem, toProblem } from '../../api/problem';
import type { SignInPage } from '../../api/openapi';
import { useTick } from '../../browser/tick';
import { Button } from '../../components/forms/button';
import { Field } from '../../components/forms/field';
import { NBSP } from '../../formatting/numbers';
import styles from './sign-in.module.css';

/** One field and one button, with errors beside the field. */
export function SignInForm({ page }: { page: SignInPage | null }) {
  const { signIn } = useAuth();
  const [key, setKey] = useState('');
  const [shown, setShown] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<{ problem: Problem; at: number }>();
  const wait = useWait(problem);

  const enter = (): void => {
    if (busy || wait > 0) return;
    setBusy(true);
    signIn(key.trim())
      .catch((error: unknown) => setProblem({ problem: toProblem(error), at: performance.now() }))
      .finally(() => setBusy(false));
  };

  return (
    <>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          enter();
        }}
      >
        <Field label="Key" error={problem ? formatError(problem.problem, wait) : null}>
          {(input) => (
            <div className={styles.key}>
              <input
                {...input}
                autoFocus
                type={shown ? 'text' : 'password'}
                autoComplete="current-password"
                autoCapitalize="off"
                spellCheck={false}
                value={key}
                onChange={(event) => {
                  setKey(event.target.value);
                  if (wait === 0) setProblem(undefined);
                }}
              />
              <Button
                icon={shown ? EyeOff : Eye}
                aria-label={shown ? 'Hide the key' : 'Show the key'}
                onClick={() => setShown(!shown)}
              />
            </div>
          )}
        </Field>
        <Button
          type="submit"
          tone="primary"
          busy={busy}
          off={wait > 0 ? `Wait ${wait} s` : key.trim() === '' ? 'Enter a key first' : null}
        >
          Sign in
        </Button>
      </form>
      {page?.developmentKeys && <DevelopmentKeys keys={page.developmentKeys} onChoose={setKey} />}
    </>
  );
}

function DevelopmentKeys({
  keys,
  onChoose,
}: {
  keys: { admin: string; viewer: string };
  onChoose: (key: string) => void;
}) {
  return (
    <div className={styles.keys}>
      <p>Development keys (never shown in production)</p>
      {(['admin', 'viewer'] as const).map((role) => (
        <button key={role} type="button" onClick={() => onChoose(keys[role])}>
          {role} <code>{keys[role]}</code>
        </button>
      ))}
    </div>
  );
}

/** Whole seconds until the next attempt is allowed. */
function useWait(failed: { problem: Problem; at: number } | undefined): number {
  const now = useTick();
  const [, render] = useState(0);
  const until = failed?.problem.status === 429 ? failed.at + (failed.problem.retryAfter ?? 60) * 1000 : 0;
  useEffect(() => render((times) => times + 1), [now]);
  return Math.max(0, Math.ceil((until - performance.now()) / 1000));
}

function formatError({ status, code, detail }: Problem, wait: number): string | null {
  if (status === 401) return 'This key is not valid. Check it and try again.';
  if (code === 'forbidden') return 'This is a client key. The dashboard needs a viewer or admin key.';
  if (status === 429) return wait > 0 ? `Too many attempts. Try again in ${wait}${NBSP}s.` : null;
  return detail;
}
