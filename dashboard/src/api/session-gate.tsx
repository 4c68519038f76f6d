import { useQueryClient } from '@tanstack/react-query';
import { createContext, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { onSessionEnded, send } from './client';
import { asProblem, Problem } from './problem';
import { SessionContext } from './session';
import type { Session, SignInPage } from './shapes/session';

/** Known, unknown yet, nobody, or not to be found out. `ended` keeps the page that was open behind the sign-in. */
export type Gate =
  | { phase: 'asking' }
  | { phase: 'unreachable'; problem: Problem }
  | { phase: 'out'; page: SignInPage | null }
  | { phase: 'in'; session: Session; endsAt: number; ended: boolean };

interface Door {
  gate: Gate;
  signIn: (key: string) => Promise<void>;
  stay: () => Promise<void>;
  signOut: () => Promise<void>;
  ask: () => void;
}

const DoorContext = createContext<Door | null>(null);

export function useDoor(): Door {
  const door = useContext(DoorContext);
  if (door === null) throw new Error('Bug: there is no door here.');
  return door;
}

const entered = (session: Session): Gate => ({
  phase: 'in',
  session,
  endsAt: performance.now() + session.expiresInSeconds * 1000,
  ended: false,
});

function refused(error: unknown): Gate {
  const problem = asProblem(error);
  if (problem.status !== 401) return { phase: 'unreachable', problem };
  const { environment, developmentKeys } = problem.facts as Partial<SignInPage>;
  const page = environment === undefined ? null : { environment, developmentKeys: developmentKeys ?? null };
  return { phase: 'out', page };
}

/** Knows who is signed in, and lets in. */
export function SessionGate({ children }: { children: React.ReactNode }) {
  const cache = useQueryClient();
  const [gate, setGate] = useState<Gate>({ phase: 'asking' });
  const ask = useCallback(() => {
    send<Session>('GET', 'session').then(
      (session) => setGate(entered(session)),
      (error: unknown) => setGate(refused(error)),
    );
  }, []);
  useEffect(ask, [ask]);
  useEffect(
    () => onSessionEnded(() => setGate((now) => (now.phase === 'in' ? { ...now, ended: true } : now))),
    [],
  );

  const signIn = useCallback(
    async (key: string) => {
      setGate(entered(await send<Session>('POST', 'session', { body: { key } })));
      void cache.refetchQueries({ type: 'active' });
    },
    [cache],
  );
  const stay = useCallback(async () => {
    const session = await send<Session>('POST', 'session', { body: {} });
    setGate((now) =>
      now.phase === 'in' ? { ...now, endsAt: performance.now() + session.expiresInSeconds * 1000 } : now,
    );
  }, []);
  const signOut = useCallback(async () => {
    await send('DELETE', 'session');
    cache.clear();
    setGate({ phase: 'asking' });
    ask();
  }, [cache, ask]);

  const door = useMemo(() => ({ gate, signIn, stay, signOut, ask }), [gate, signIn, stay, signOut, ask]);
  const session = gate.phase === 'in' ? gate.session : null;
  return (
    <DoorContext value={door}>
      <SessionContext value={session}>{children}</SessionContext>
    </DoorContext>
  );
}
