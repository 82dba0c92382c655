/** Names seen, so that upper-casing one costs a look-up; bounded, since clients may send anything. */
const known = new Map<string, string>();
const maxKnown = 1024;

/** The command's name in upper case. */
export function upperName(name: string): string {
  let upper = known.get(name);
  if (upper !== undefined) return upper;
  upper = name.toUpperCase();
  if (known.size < maxKnown && name.length <= 32) known.set(name, upper);
  return upper;
}
