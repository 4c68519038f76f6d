import { useQueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { send, tellSessionEnded } from './client';
import { type Connection, isCurrent } from './connection';
import { Problem } from './problem';
import { useSession } from './session';
import { Stream } from './stream';

interface Live {
  stream: Stream;
  /** A build other than this page's is being served. */
  newerBuild: boolean;
}

const LiveContext = createContext<Live | null>(null);

/** Opens the stream for everything below it, for as long as somebody is signed in. */
export function LiveProvider({ children }: { children: React.ReactNode }) {
  const cache = useQueryClient();
  const session = useSession();
  // The build that this page was loaded with; a later sign-in in the same page does not make its code newer.
  const [ownBuild] = useState(session.build);
  const [newerBuild, setNewerBuild] = useState(false);
  const stream = useMemo(
    () =>
      new Stream({
        onHello: (hello) => setNewerBuild(hello.build !== ownBuild),
        onBack: () => void cache.refetchQueries({ type: 'active' }),
        onSessionEnded: tellSessionEnded,
        isSignedOut: () =>
          send('GET', 'session').then(
            () => false,
            (error: unknown) => error instanceof Problem && error.status === 401,
          ),
      }),
    // A stream belongs to a session: after another sign-in it is opened anew.
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
  if (live === null) throw new Error('Bug: there is no stream here.');
  return live;
}

export function useConnection(): Connection {
  const { stream } = useLive();
  return useSyncExternalStore(stream.subscribe, stream.snapshot);
}

/** False once the numbers on the screen are old. Renders again only when that changes. */
export function useIsCurrent(): boolean {
  const { stream } = useLive();
  return useSyncExternalStore(stream.subscribe, () => isCurrent(stream.snapshot()));
}

export const useTryNow = (): (() => void) => useLive().stream.tryNow;

export const useNewerBuild = (): boolean => useLive().newerBuild;

/** Listens to a topic of the stream while mounted; null listens to nothing. */
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

/** Whether this person may change anything now, and why not. The API refuses regardless of what the page offers. */
export function useMayAct(): { may: boolean; why: string | null } {
  const { role } = useSession();
  const current = useIsCurrent();
  if (role !== 'admin') return { may: false, why: 'Needs an admin key' };
  if (!current) return { may: false, why: 'Off until the connection is back' };
  return { may: true, why: null };
}
