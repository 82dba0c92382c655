import { looksGenerated } from './value-class.ts';

/** A step into a document: a name or an index. */
export type Segment = string | number;

/** An RFC 9535 path of these steps. `[*]` stands for an index that is {@link anyIndex}. */
export function pathOf(segments: readonly Segment[]): string {
  return `$${segments.map((segment) => {
    if (typeof segment === 'number') return segment === anyIndex ? '[*]' : `[${segment}]`;
    return /^[A-Za-z_]\w*$/.test(segment) ? `.${segment}` : `['${escapeName(segment)}']`;
  }).join('')}`;
}

/** The index of "every item". */
export const anyIndex = -1;

function escapeName(name: string): string {
  return name.replace(/[\\']/g, '\\$&').replace(/[\u0000-\u001F]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Steps with what is particular to one case taken out: indexes become `[*]`, names that look generated `*`. */
export function generalise(segments: readonly Segment[], nameOf: (segment: string, depth: number) => string = generalName): Segment[] {
  return segments.map((segment, depth) => (typeof segment === 'number' ? anyIndex : nameOf(segment, depth)));
}

/** A field name with generated parts as `*`. */
export function generalName(name: string): string {
  if (!/\d/.test(name) && name.length < 16) return name;
  return name.split(/([:/|.,])/).map((part) => (/^\d+$/.test(part) || looksGenerated(part) ? '*' : part)).join('');
}
