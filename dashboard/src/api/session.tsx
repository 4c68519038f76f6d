import { createContext, useContext } from 'react';
import type { Session } from './shapes/session';

export const SessionContext = createContext<Session | null>(null);

/** Who is signed in. Every page is below the sign-in, so there always is somebody. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('Bug: this is shown to somebody who is not signed in.');
  return session;
}
