import { useQueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { useSession } from './auth';
import { reportSessionEnded, send } from './client';
import { type Connection, isUpToDate } from './connection';
import { Problem } from './problem';
import { Stream } from './stream';

interface Live {
  stream: Stream;
  /** The service now serves another build of the dashboard. */
  newerBuild: boolean;
}

const LiveContext = createContext<Live | null>(null);

/** Opens the stream for the components below it, while a user is signed in. */
export function LiveProvider({ children }: { children: React.ReactNode }) {
  const cache = useQueryClient();
  const session = useSession();
  // The build this page was loaded with; signing in again does not make its code newer.
  const [ownBuild] = useState(session.build);
  const [newerBuild, setNewerBuild] = useState(false);
  const stream = useMemo(
    () =>
      new Stream({
        onHello: (hello) => setNewerBuild(hello.build !== ownBuild),
        onBack: () => void cache.refetchQueries({ type: 'active' }),
        onSessionEnded: reportSessionEnded,
        isSignedOut: () =>
          send('GET', 'session').then(
            () => false,
            (error: unknown) => error instanceof Problem && error.status === 401,
          ),
      }),
    // A stream belongs to a session: signing in again opens a new one.
    [cache, ownBuild, session],
  );
  useEffect(() => {
    stream.start();
    return () => stream.stop();
  }, [stream]);
  const live = useMemo(() => ({ stream, newerBuild }), [stream, newerBuild]);
  return <LiveContext value={live}>{children}</LiveContext>;
}

function useLive(): Live {
  const live = useContext(LiveContext);
  if (live === null) throw new Error('Bug: no stream outside of LiveProvider.');
  return live;
}

export function useConnection(): Connection {
  const { stream } = useLive();
  return useSyncExternalStore(stream.subscribe, stream.snapshot);
}

/** False once the numbers on the screen are old. Rerenders only when that changes. */
export function useIsUpToDate(): boolean {
  const { stream } = useLive();
  return useSyncExternalStore(stream.subscribe, () => isUpToDate(stream.snapshot()));
}

export const useReconnect = (): (() => void) => useLive().stream.tryNow;

export const useNewerBuild = (): boolean => useLive().newerBuild;

/** Subscribes to a topic of the stream while mounted; null subscribes to nothing. */
export function useTopic<T = unknown>(topic: string | null, onMessage: (value: T) => void): void {
  const { stream } = useLive();
  const latest = useRef(onMessage);
  useEffect(() => {
    latest.current = onMessage;
  });
  useEffect(() => {
    if (topic === null) return;
    return stream.listen(topic, (value) => latest.current(value as T));
  }, [stream, topic]);
}

/** Whether the user may change anything now, and if not, why. The API checks it as well. */
export function useCanAct(): { may: boolean; why: string | null } {
  const { role } = useSession();
  const current = useIsUpToDate();
  if (role !== 'admin') return { may: false, why: 'Needs an admin key' };
  if (!current) return { may: false, why: 'Disabled until the connection is back' };
  return { may: true, why: null };
}
