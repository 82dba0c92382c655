/*
 * Requests of one kind differ in the ids of their paths: `/cart/7` and `/cart/8` are both `/cart/:id`. Only the shape of a segment is
 * looked at, so the route of a request never depends on the others of its recording. A segment is an id when it is a number, a
 * UUID, a hexadecimal or otherwise machine-made token, an address, or percent-encoded data; words stay, also `v2` or `oauth2`.
 */

/** What stands for an id in a template. */
const idPlaceholder = ':id';

/** `METHOD /template` of a request: its path without query, ids generalised. Absolute targets lose scheme and host. */
export function routeOf(method: string, target: string): string {
  return `${method.toUpperCase()} ${pathTemplate(target)}`;
}

/** The path of a target with `:id` for every part of it that names one thing among many. */
export function pathTemplate(target: string): string {
  const path = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '');
  if (path === '' || path === '*') return path === '' ? '/' : '*';
  return path.split('/').map(segmentTemplate).join('/');
}

/** Whether a text looks made by a machine to name one thing: see the head of this file. */
export function looksLikeId(text: string): boolean {
  if (/^[-+]?\d[\d.,:-]*$/.test(text)) return true; // numbers, dates, coordinates, IP addresses
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text)) return true;
  if (/^(0x)?[0-9a-f]+$/i.test(text) && (text.length >= 16 || (text.length >= 6 && /\d/.test(text) && /[a-f]/i.test(text)))) return true;
  if (/%[0-9a-f]{2}|[@\u0080-\uffff]/i.test(text)) return true; // names of people and things, not of routes
  return /^[A-Za-z0-9_-]+={0,2}$/.test(text) && looksRandom(text);
}

function segmentTemplate(segment: string): string {
  if (segment === '') return segment;
  if (looksLikeId(segment)) return idPlaceholder;
  // `7.json`, `app.3f9a1c2b.js`: part by part. `item-7`, `user_42`, `cart:7`: the number alone.
  const parts = segment.split('.').map((part) => (looksLikeId(part) ? idPlaceholder : part));
  return parts.map((part) => part.replace(/([A-Za-z])([-_:~])(\d+)(?![A-Za-z0-9])/g, `$1$2${idPlaceholder}`)).join('.');
}

/** Tokens change between letters, digits and cases far more often than words, camel case or kebab case do. */
function looksRandom(text: string): boolean {
  const count = (pattern: RegExp): number => text.match(pattern)?.length ?? 0;
  const digits = count(/\d/g);
  if (digits === 0 && text.length < 20) return false;
  const separated = text.split(/[-_]/).filter((part) => part !== '');
  if (separated.length > 1 && separated.every((part) => /^([a-z]+\d?|\d{1,4}|[A-Z][a-z]*\d?)$/.test(part))) return false;
  const camelWords = /^[A-Za-z][a-z]+(?:[A-Z][a-z]*\d?)+$/.test(text) ? count(/[A-Z]/g) + 1 : 0;
  if (camelWords > 0 && text.length / camelWords > 2) return false;
  if (text.length >= 16 && digits >= 2 && separated.some((part) => part.length >= 12)) return true;
  const changes = count(/(?<=[a-z])[A-Z0-9]|(?<=[A-Z])[0-9]|(?<=[A-Z]{2})[a-z]|(?<=[0-9])[A-Za-z]|(?<=[a-z][A-Z])[a-z]/g);
  return text.length >= 10 && changes / (text.length - 1) > 0.45;
}
