import { Keyspace, type KeyspaceOptions } from './keyspace.ts';
import type { PushReply, Reply } from './reply.ts';
import { newSession, type Session } from './session.ts';

/** A session on a keyspace with its replies and messages in hand: for tests that type commands. */
export interface KeyspaceConsole {
  readonly keyspace: Keyspace;
  readonly session: Session;
  /** Out-of-band messages so far, as their items. */
  readonly messages: (readonly Reply[])[];
  /** Answers of commands that had to wait, in order of arrival. */
  readonly late: Reply[];
  /** Runs a command written with spaces between its arguments; `'waits'` when it blocks. */
  readonly run: (line: string) => Reply;
  /** Another session on the same keyspace. */
  readonly another: () => KeyspaceConsole;
}

/** A keyspace whose clock and timers are moved by hand. */
export interface ManualKeyspace extends KeyspaceConsole {
  /** Moves the clock and fires what is due. */
  readonly advance: (ms: number) => void;
}

/** Makes a keyspace on a clock that starts at 1,700,000,000,000 and stands still. Randomness is always 0. */
export function manualKeyspace(options: Partial<KeyspaceOptions> = {}): ManualKeyspace {
  let now = 1_700_000_000_000;
  let timers: { readonly at: number; readonly action: () => void }[] = [];
  const keyspace = new Keyspace({
    now: () => now, random: () => 0,
    after: (ms, action) => {
      const timer = { at: now + ms, action };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    ...options,
  });
  const advance = (ms: number): void => {
    now += ms;
    for (const timer of timers.filter((one) => one.at <= now)) {
      timers = timers.filter((one) => one !== timer);
      timer.action();
    }
  };
  return { ...consoleOn(keyspace), advance };
}

function consoleOn(keyspace: Keyspace): KeyspaceConsole {
  const messages: (readonly Reply[])[] = [];
  const late: Reply[] = [];
  const session = newSession((message: PushReply) => messages.push(message.items));
  const run = (line: string): Reply => {
    let reply: Reply = 'waits';
    let isDone = false;
    keyspace.execute(session, line.split(' '), (given) => {
      if (isDone) late.push(given);
      else reply = given;
    });
    isDone = true;
    return reply;
  };
  return { keyspace, session, messages, late, run, another: () => consoleOn(keyspace) };
}
