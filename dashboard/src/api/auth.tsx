import { useQueryClient } from '@tanstack/react-query';
import { createContext, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { onSessionEnded, send } from './client';
import { Problem, toProblem } from './problem';
import type { Session, SignInPage } from './openapi';

/**
 * - `loading`: the service has not said yet who is signed in.
 * - `unreachable`: it could not be asked.
 * - `signed-out`: nobody is; the sign-in page is shown.
 * - `signed-in`: somebody is. `ended` is set when the session ends; the open page stays behind the sign-in dialog.
 */
export type AuthState =
  | { phase: 'loading' }
  | { phase: 'unreachable'; problem: Problem }
  | { phase: 'signed-out'; page: SignInPage | null }
  | { phase: 'signed-in'; session: Session; endsAt: number; ended: boolean };

interface Auth {
  state: AuthState;
  signIn: (key: string) => Promise<void>;
  extendSession: () => Promise<void>;
  signOut: () => Promise<void>;
  retry: () => void;
}

const AuthContext = createContext<Auth | null>(null);
const SessionContext = createContext<Session | null>(null);

export function useAuth(): Auth {
  const auth = useContext(AuthContext);
  if (auth === null) throw new Error('Bug: useAuth() outside of AuthProvider.');
  return auth;
}

/** The signed-in user. Every page is shown behind the sign-in, so there always is one. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('Bug: useSession() outside of a signed-in page.');
  return session;
}

const endsAt = (session: Session): number => performance.now() + session.expiresInSeconds * 1000;

const signedIn = (session: Session): AuthState => ({
  phase: 'signed-in',
  session,
  endsAt: endsAt(session),
  ended: false,
});

function signedOut(error: unknown): AuthState {
  const problem = toProblem(error);
  if (problem.status !== 401) return { phase: 'unreachable', problem };
  const { environment, developmentKeys } = problem.facts as Partial<SignInPage>;
  const page = environment === undefined ? null : { environment, developmentKeys: developmentKeys ?? null };
  return { phase: 'signed-out', page };
}

/** Knows who is signed in, and signs in and out. */
export function AuthProvider({ children }: { children: React.ReactNode }) {
  const queryClient = useQueryClient();
  const [state, setState] = useState<AuthState>({ phase: 'loading' });
  const retry = useCallback(() => {
    send<Session>('GET', 'session').then(
      (session) => setState(signedIn(session)),
      (error: unknown) => setState(signedOut(error)),
    );
  }, []);
  useEffect(retry, [retry]);
  useEffect(
    () =>
      onSessionEnded(() => setState((now) => (now.phase === 'signed-in' ? { ...now, ended: true } : now))),
    [],
  );

  const signIn = useCallback(
    async (key: string) => {
      setState(signedIn(await send<Session>('POST', 'session', { body: { key } })));
      void queryClient.refetchQueries({ type: 'active' });
    },
    [queryClient],
  );
  const extendSession = useCallback(async () => {
    const session = await send<Session>('POST', 'session', { body: {} });
    setState((now) => (now.phase === 'signed-in' ? { ...now, endsAt: endsAt(session) } : now));
  }, []);
  const signOut = useCallback(async () => {
    await send('DELETE', 'session');
    queryClient.clear();
    setState({ phase: 'loading' });
    retry();
  }, [queryClient, retry]);

  const auth = useMemo(
    () => ({ state, signIn, extendSession, signOut, retry }),
    [state, signIn, extendSession, signOut, retry],
  );
  const session = state.phase === 'signed-in' ? state.session : null;
  return (
    <AuthContext value={auth}>
      <SessionContext value={session}>{children}</SessionContext>
    </AuthContext>
  );
}
