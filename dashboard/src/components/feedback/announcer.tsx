import { createContext, useCallback, useContext, useMemo, useState } from 'react';

const AnnounceContext = createContext<((text: string) => void) | null>(null);

/**
 * The one place from which a screen reader is told what happened: the connection, results of acts, a new case. Never
 * counters, which would talk without end.
 */
export function AnnouncerProvider({ children }: { children: React.ReactNode }) {
  const [said, setSaid] = useState({ text: '', times: 0 });
  const announce = useCallback((text: string) => setSaid(({ times }) => ({ text, times: times + 1 })), []);
  const region = useMemo(
    () => (
      <div className="unseen" role="status" aria-live="polite">
        {/* The same words said again are new words. */}
        <span key={said.times}>{said.text}</span>
      </div>
    ),
    [said],
  );
  return (
    <AnnounceContext value={announce}>
      {children}
      {region}
    </AnnounceContext>
  );
}

export function useAnnounce(): (text: string) => void {
  const announce = useContext(AnnounceContext);
  if (announce === null) throw new Error('Bug: nobody announces here.');
  return announce;
}
