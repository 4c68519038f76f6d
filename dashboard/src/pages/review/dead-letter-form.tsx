import { useState } from 'react';
import { send } from '../../api/client';
import type { DeadLetter, ReviewCase } from '../../api/shapes/review';
import { useRefresh } from '../../api/use-api';
import { ActDialog } from '../../parts/act-dialog';
import { ActButton } from '../../parts/button';
import { useToast } from '../../parts/toasts';

/** A message that no consumer could take: it can be handed over once more, and nothing else can be done with it. */
export function DeadLetterForm({ one, onSettled }: { one: ReviewCase; onSettled: () => void }) {
  const [open, setOpen] = useState(false);
  const refresh = useRefresh();
  const toast = useToast();
  return (
    <>
      <p>
        <ActButton tone="primary" onClick={() => setOpen(true)}>
          Hand it over again
        </ActButton>
      </p>
      <ActDialog<DeadLetter>
        open={open}
        onClose={() => setOpen(false)}
        title="Hand this message over again?"
        keep="Leave it dead"
        act="Hand over 1 message"
        tone="primary"
        send={(reason, key) => send('POST', `dead-letters/${one.id}/retry`, { body: { reason }, key })}
        onDone={() => {
          refresh('review?');
          refresh('dead-letters');
          toast('The message goes to its consumer again.', {
            href: `/audit?objectId=${one.id}`,
            label: 'See audit',
          });
          onSettled();
        }}
      >
        <p>Its consumer takes each message once, so what it has done already is not done twice.</p>
      </ActDialog>
    </>
  );
}
