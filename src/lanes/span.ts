/** A length of time or a point in time that is known within bounds, in ms. */
export interface Span {
  readonly earliest: number;
  readonly latest: number;
}

/** One that is known exactly. */
export function spanOf(ms: number): Span {
  return { earliest: ms, latest: ms };
}

/** Both may be the same, give or take `toleranceMs`. */
export function mayBeSame(a: Span, b: Span, toleranceMs: number): boolean {
  return a.earliest <= b.latest + toleranceMs && a.latest >= b.earliest - toleranceMs;
}

/** What is known when both are the same; `a` where they cannot be. */
export function narrowed(a: Span, b: Span): Span {
  const earliest = Math.max(a.earliest, b.earliest);
  const latest = Math.min(a.latest, b.latest);
  return earliest <= latest ? { earliest, latest } : a;
}

/** A wait that was asked to last this long: waits are seen a little after they began, and timers ring a little late. */
export function isAbout(asked: Span, lengthMs: number): boolean {
  return mayBeSame(asked, spanOf(lengthMs), Math.max(2, 0.03 * lengthMs));
}
