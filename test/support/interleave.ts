import { EventEmitter } from 'node:events';
import type { Client } from 'pg';
import type { Database, Tx } from '../../src/database/database';
import { outcomeOf, World } from './fixtures';

/**
 * Runs several sessions on a real database in every order of their statements, like PostgreSQL's isolation tester. The
 * steps are not written down: they are the statements and commits of the real services. Each session's database stops
 * before every statement, COMMIT and ROLLBACK until the session is chosen.
 *
 * Each run repeats the choices of the previous one up to the last point where another session could have been chosen,
 * and chooses that one. A session that waits for a lock cannot be chosen until it has it. So every run ends, and no two
 * runs are the same.
 */
export interface Scene {
  /** Stops only before matching statements: the others touch nothing that another session touches. */
  stopsAt?: RegExp;
  /** By name. What a session throws is its outcome (see `outcomeOf`). */
  sessions: Record<string, (own: World, player: Player) => Promise<unknown>>;
  /** Checks the end of one run, when every session has an outcome; returns in a word how the run ended. */
  end: (answers: Record<string, string>) => Promise<string>;
}

/** Runs the scene in every order, each time on new rows. Returns each end with its number of runs. */
export async function inEveryOrder(
  world: World,
  prepare: () => Promise<Scene>,
): Promise<Record<string, number>> {
  const looker = await world.session();
  const ends: Record<string, number> = {};
  for (let prefix: number[] | undefined = []; prefix;) {
    const run: Run = { choices: [], trace: [] };
    try {
      const scene = await prepare();
      const end = await scene.end(await play(world, looker, scene, prefix, run));
      ends[end] = (ends[end] ?? 0) + 1;
    } catch (error) {
      if (error instanceof Error) error.message = `in this order: ${run.trace.join(', ')}\n${error.message}`;
      throw error;
    }
    prefix = nextPrefix(run);
  }
  await looker.end();
  console.log(
    `${expect.getState().currentTestName}: ${permutationsOf(ends)} permutations, ${JSON.stringify(ends)}`,
  );
  return ends;
}

const permutationsOf = (ends: Record<string, number>) =>
  Object.values(ends).reduce((sum, count) => sum + count, 0);

/** One run: for each choice, which of how many sessions was chosen, and what it did next. */
interface Run {
  choices: { chosen: number; of: number }[];
  trace: string[];
}

function nextPrefix({ choices }: Run): number[] | undefined {
  const last = choices.findLastIndex(({ chosen, of }) => chosen + 1 < of);
  if (last < 0) return undefined;
  return [...choices.slice(0, last).map(({ chosen }) => chosen), choices[last]!.chosen + 1];
}

async function play(world: World, looker: Client, scene: Scene, prefix: number[], run: Run) {
  const answers: Record<string, string> = {};
  const moves = new EventEmitter();
  const players = Object.entries(scene.sessions).map(([name, session]) => {
    const player = new Player(name, scene.stopsAt ?? /./, moves);
    const own = new World(world.config, world.dataSource, steppedDatabase(world.db, player), async () => {});
    void outcomeOf(session(own, player)).then((answer) => {
      answers[name] = answer;
      player.ended = true;
      moves.emit('move');
    });
    return player;
  });
  for (;;) {
    await untilSettled(looker, players, moves);
    const ready = players.filter((player) => player.next);
    if (ready.length === 0) return answers;
    const chosen = Math.min(prefix[run.choices.length] ?? 0, ready.length - 1);
    run.choices.push({ chosen, of: ready.length });
    run.trace.push(ready[chosen]!.takeTurn());
  }
}

/** One session of a run. */
export class Player {
  /** Set while it waits to be chosen: what it will do next. */
  next: { does: string; goOn: () => void } | undefined;
  ended = false;
  private stepping = true;

  constructor(
    private readonly name: string,
    private readonly stopsAt: RegExp,
    private readonly moves: EventEmitter,
  ) {}

  /**
   * From here on this session runs without stops, until `stepFromHere`: for what is not the subject of the scene. If it
   * then meets another session's lock, either may come first.
   */
  runFreely(): void {
    this.stepping = false;
  }

  stepFromHere(): void {
    this.stepping = true;
  }

  async beforeStatement(sql: string): Promise<void> {
    if (this.stopsAt.test(sql))
      await this.turn(/(UPDATE|INSERT INTO|DELETE FROM|FROM)\s+\w+/.exec(sql)?.[0] ?? sql);
  }

  async turn(does: string): Promise<void> {
    if (!this.stepping) return;
    await new Promise<void>((goOn) => {
      this.next = { does, goOn };
      this.moves.emit('move');
    });
  }

  takeTurn(): string {
    const { does, goOn } = this.next!;
    this.next = undefined;
    goOn();
    return `${this.name} ${does}`;
  }
}

/** A statement that has not ended after this long may wait for a lock. Asking before that cost more than the statements. */
const mayWaitAfterMs = 10;

/**
 * Resolves when no session moves: each waits to be chosen, has ended, or is blocked by a lock. If all remaining ones
 * are blocked, they deadlock, and PostgreSQL will end that.
 */
async function untilSettled(looker: Client, players: Player[], moves: EventEmitter): Promise<void> {
  const countMoving = () => players.filter((player) => !player.next && !player.ended).length;
  for (let moving = countMoving(); moving > 0; moving = countMoving()) {
    if (await nextMove(moves)) continue;
    // From the lock manager, because a session that has just got its lock may still look as if it waited.
    const { rows } = await looker.query<{ blocked: number }>(
      `SELECT count(*)::int AS blocked FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND cardinality(pg_blocking_pids(pid)) > 0`,
    );
    // A session that stopped since the query may have freed another.
    const isStill = rows[0]!.blocked === moving && moving === countMoving();
    if (isStill && players.some((player) => player.next)) return;
  }
}

/** Whether a session stops or ends soon. */
const nextMove = (moves: EventEmitter) =>
  new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => end(false), mayWaitAfterMs);
    const hear = () => end(true);
    const end = (heard: boolean) => {
      clearTimeout(timer);
      moves.off('move', hear);
      resolve(heard);
    };
    moves.once('move', hear);
  });

/** The database with a stop before each statement and before the end of each transaction. */
function steppedDatabase(db: Database, player: Player): Database {
  const stepped = Object.create(db) as Database;
  stepped.rows = async (sql, parameters) => {
    await player.beforeStatement(sql);
    return db.rows(sql, parameters);
  };
  stepped.transaction = (name, work, options) => {
    const steppedWork: typeof work = async (tx) => {
      try {
        return await work(steppedTransaction(tx, player));
      } finally {
        await player.turn(`ends ${name}`);
      }
    };
    return db.transaction(name, steppedWork, options);
  };
  return stepped;
}

function steppedTransaction(tx: Tx, player: Player): Tx {
  const stepped = Object.create(tx) as Tx;
  stepped.rows = async (sql, parameters) => {
    await player.beforeStatement(sql);
    return tx.rows(sql, parameters);
  };
  stepped.affected = async (sql, parameters) => {
    await player.beforeStatement(sql);
    return tx.affected(sql, parameters);
  };
  return stepped;
}
