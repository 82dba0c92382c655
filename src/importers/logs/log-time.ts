const months: ReadonlyMap<string, number> = new Map(['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'].map((name, index) => [name, index]));
const local = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))? ([+-])(\d\d)(\d\d)$/;

/** Unix milliseconds of `17/May/2015:10:05:03 +0000`, as Apache and nginx write it; undefined for anything else. */
export function parseLocalTime(text: string): number | undefined {
  const found = local.exec(text);
  if (found === null) return undefined;
  const [, day, monthName = '', year, hour, minute, second, fraction = '0', sign, zoneHours, zoneMinutes] = found;
  const month = months.get(monthName);
  if (month === undefined) return undefined;
  const offsetMs = (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000 * (sign === '-' ? -1 : 1);
  return Date.UTC(Number(year), month, Number(day), Number(hour), Number(minute), Number(second)) + Math.floor(Number(`0.${fraction}`) * 1000) - offsetMs;
}

/** Unix milliseconds of `2015-05-17T10:05:03+00:00`; undefined for anything else. */
export function parseIsoTime(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** Unix milliseconds of nginx's `$msec`, seconds with a fraction: `1431857103.412`; undefined for anything else. */
export function parseSeconds(text: string): number | undefined {
  return /^\d{1,12}(\.\d{1,9})?$/.test(text) ? Math.round(Number(text) * 1000) : undefined;
}

/** A parser that remembers its last answer: lines of a log come in seconds. */
export function memoized(parse: (text: string) => number | undefined): (text: string) => number | undefined {
  let last: { readonly text: string; readonly ms: number | undefined } = { text: '', ms: undefined };
  return (text) => {
    if (text !== last.text) last = { text, ms: parse(text) };
    return last.ms;
  };
}
