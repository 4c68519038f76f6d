/** What the main thread and the watchdog share: an array of these. */
export const cell = {
  /** Grows as long as the event loop turns. */
  beat: 0,
  /** 1 once the process was asked to stop. */
  stopping: 1,
  /** 1 once somebody debugs the process, for a breakpoint holds the event loop. */
  debugged: 2,
} as const;

export interface WatchdogSettings {
  memory: Int32Array;
  /** How often the thread looks. */
  tickMs: number;
  /** How long the event loop may stand still. */
  stallMs: number;
  /** How long the process may take to stop. */
  stopMs: number;
}
