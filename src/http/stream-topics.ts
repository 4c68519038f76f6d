import { Injectable } from '@nestjs/common';

/** Computes the value of a topic. `argument` is what follows the topic's first colon; empty without one. */
export type TopicValue = (argument: string) => Promise<unknown>;

/**
 * What browsers may follow as it changes. Each part of the service offers what it knows; `reporting/stream/stream-feeds.ts` asks for it,
 * once a second for all who look and only while somebody does.
 */
@Injectable()
export class StreamTopics {
  private readonly offered = new Map<string, TopicValue>();

  /** A value is whole, never a difference. Throw a HoldfastError for what is not there. */
  offer(name: string, value: TopicValue): void {
    if (this.offered.has(name)) throw new Error(`Bug: the topic ${name} is offered twice.`);
    this.offered.set(name, value);
  }

  /** Undefined: nobody offers it. */
  find(topic: string): (() => Promise<unknown>) | undefined {
    const colon = topic.indexOf(':');
    const [name, argument] = colon === -1 ? [topic, ''] : [topic.slice(0, colon), topic.slice(colon + 1)];
    const value = this.offered.get(name);
    return value && (() => value(argument));
  }
}
