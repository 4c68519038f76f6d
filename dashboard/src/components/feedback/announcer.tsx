import { createContext, useCallback, useContext, useMemo, useState } from 'react';

const AnnounceContext = createContext<((text: string) => void) | null>(null);

/**
 * The one live region for screen readers: connection, results of actions, new cases. Never counters, which would be
 * read out without end.
 */
export function AnnouncerProvider({ children }: { children: React.ReactNode }) {
  const [message, setMessage] = useState({ text: '', times: 0 });
  const announce = useCallback((text: string) => setMessage(({ times }) => ({ text, times: times + 1 })), []);
  const region = useMemo(
    () => (
      <div className="unseen" role="status" aria-live="polite">
        {/* A repeated message is announced again. */}
        <span key={message.times}>{message.text}</span>
      </div>
    ),
    [message],
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
  if (announce === null) throw new Error('Bug: useAnnounce() outside of AnnouncerProvider.');
  return announce;
}
