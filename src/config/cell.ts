import type { Reader } from './settings-reader';

/** The whole Holdfast that this process belongs to. A shop lives in one cell, and a process serves one. */
export interface Cell {
  /** In the keys that are made here, so that a proxy can route by them. */
  name: string;
  /** In the ids that are made here, and in the database: it never changes. */
  number: number;
}

/** What stands in the place of a cell's name in keys of the settings and of earlier builds: `hf_dev_client`. */
export const reservedCellNames: readonly string[] = ['admin', 'client', 'viewer', 'dev', 'live', 'test'];

/** Eight bits of an id are the number. */
const numberMax = 255;

export function readCell(read: Reader): Cell {
  const text = read.text('CELL', 'main:0');
  const refuse = (problem: string) =>
    read.refuse('CELL', `is ${JSON.stringify(text.slice(0, 40))}, ${problem}`, 'eu1:1');
  const [, name = '', number = ''] = /^([a-z][a-z0-9]{0,15}):(0|[1-9]\d{0,8})$/.exec(text) ?? [];
  if (name === '')
    return refuse('not a name of 1 to 16 lower-case letters and digits, a colon and a number from 0 to 255');
  if (Number(number) > numberMax) return refuse('whose number is above 255');
  if (reservedCellNames.includes(name))
    return refuse(`whose name is taken: older keys begin with hf_${name}_. Choose another name`);
  return { name, number: Number(number) };
}

/** Each cell of a shared database has separate queues. Builds before CELL, which are cell 0, know no other schema. */
export const queueSchemaOf = ({ number }: Cell): string => (number === 0 ? 'bullmq' : `bullmq_${number}`);
