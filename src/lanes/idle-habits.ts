import { isAbout, spanOf, type Span } from './span.ts';

/** How often a wait must have come to nothing after a request before it is not waited for any more. */
const enoughInVain = 2;
/** What a wait that was followed by something takes away of that. */
const setback = 3;
/** Shorter waits are waited for after each request, unless the thread waits so while it is idle: short delays are what effects come after. */
const leastInVainMs = 500;

/** Waits of one length. */
interface Habit {
  readonly place: string;
  /** The system call. */
  readonly name: string;
  lengthMs: number;
  /** How often the thread went into the like again by itself, with nothing asked of it in between. */
  renewed: number;
  /** How often nothing came of it after the thread had had something to do; what came of one counts against it. */
  inVain: number;
}

/**
 * What has been learnt of how a service waits. What a thread does while nothing is asked of it, and what it does after it had
 * something to do, are known apart: a loop that writes what it has gathered when its wait ends looks the same to the kernel idle and busy.
 *
 * Threads are known by their place (which process, which thread of those alive at the start), so that it holds for the next instance too.
 */
export class IdleHabits {
  readonly #habits: Habit[] = [];
  readonly #restless = new Set<string>();

  /** A wait ended by itself and the thread went into one of the same length. */
  renewed(place: string, name: string, lengthMs: number): void {
    this.#entry(place, name, lengthMs).renewed++;
  }

  /** A wait after something to do has ended by itself; `inVain`: and nothing came of it. */
  ended(place: string, name: string, lengthMs: number, inVain: boolean): void {
    const habit = this.#entry(place, name, lengthMs);
    habit.inVain = inVain ? habit.inVain + 1 : Math.min(habit.inVain, 0) - setback;
  }

  /** The thread waits about so long while it is idle. */
  isIdle(place: string, name: string, asked: Span): boolean {
    return this.#habits.some((habit) => habit.place === place && habit.name === name && habit.renewed > 0 && isAbout(asked, habit.lengthMs));
  }

  /** Such a wait comes to nothing also after something to do. */
  isVain(place: string, name: string, asked: Span): boolean {
    return this.#habits.some((habit) => habit.place === place && habit.name === name && habit.inVain >= enoughInVain
      && (habit.lengthMs >= leastInVainMs || habit.renewed > 0) && isAbout(asked, habit.lengthMs));
  }

  /** Lengths of the waits that renew themselves, in a thread or in all of a process: the periods of its timers. */
  *periods(place: string, name: string): Iterable<number> {
    for (const habit of this.#habits) {
      if (habit.renewed > 0 && habit.name === name && `${habit.place} `.startsWith(`${place} `)) yield habit.lengthMs;
    }
  }

  /** The thread wakes again and again for nothing. */
  isRestless(place: string): boolean {
    return this.#restless.has(place);
  }

  /** Takes it for one that does. */
  takeForRestless(place: string): void {
    this.#restless.add(place);
  }

  #entry(place: string, name: string, lengthMs: number): Habit {
    const asked = spanOf(lengthMs);
    let habit = this.#habits.find((one) => one.place === place && one.name === name && isAbout(asked, one.lengthMs));
    if (habit === undefined) this.#habits.push((habit = { place, name, lengthMs, renewed: 0, inVain: 0 }));
    return habit;
  }
}
