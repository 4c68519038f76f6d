/** A message in a job. Ids only: the data is read from the database, where it is current and access is controlled. */
export interface QueuedMessage {
  messageId: string;
  aggregateId: string;
  type: string;
  epoch: number;
}

/** Of one message, under its type's name; or of several, in `messages`, under `batchName`. */
export interface JobData {
  messageId: string | null;
  aggregateId: string | null;
  messages?: QueuedMessage[];
}

/** Workers of builds without such jobs skip the name; a sweeper finds the orders. */
export const batchName = 'messages';

/** A job of one message has the form that every build knows, and its id: a queue that has it takes no second one. */
export function jobOf<Queue>(queue: Queue, messages: QueuedMessage[], id?: string) {
  const [{ messageId, aggregateId, type, epoch }, ...others] = messages as [QueuedMessage];
  const first = `${messageId}-${epoch}`;
  if (others.length === 0) return { queue, id: id ?? first, name: type, data: { messageId, aggregateId } };
  const data = { messageId: null, aggregateId: null, messages };
  return { queue, id: id ?? `${first}-batch`, name: batchName, data };
}

/** The messages of a job; none in a job that is about something else, or of a type that only newer code knows. */
export function messagesOf(
  { name, data }: { name: string; data: JobData },
  isKnown: (type: string) => boolean,
) {
  const { messageId, aggregateId, messages } = data;
  if (name === batchName) return (messages ?? []).filter(({ type }) => isKnown(type));
  return messageId && aggregateId && isKnown(name) ? [{ messageId, aggregateId, type: name, epoch: 0 }] : [];
}
