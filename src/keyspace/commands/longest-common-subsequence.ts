/**
 * LCS by dynamic programming, walked back from the end exactly as Redis walks, so that among equally long subsequences the same one is
 * found. Time and memory are the product of both lengths; Redis' own limit on that memory is kept.
 */
import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext } from '../command.ts';
import { numberArgument } from '../integers.ts';
import { CommandError, MapReply, syntaxError, type Reply } from '../reply.ts';
import { isOption } from './arguments.ts';

const maxTableBytes = 512 * 1024 * 1024;

interface LcsOptions {
  readonly indexes: boolean;
  readonly length: boolean;
  readonly withMatchLength: boolean;
  readonly minMatchLength: number;
}

/** Two inclusive ranges that match: one in each string. */
interface Match {
  readonly a: readonly [number, number];
  readonly b: readonly [number, number];
}

/** `LCS key1 key2 [LEN] [IDX] [MINMATCHLEN n] [WITHMATCHLEN]`. */
export function lcs({ db }: CommandContext, [keyA = '', keyB = '', ...rest]: readonly ByteString[]): Reply {
  const [a, b] = [db.read(keyA), db.read(keyB)];
  if ((a !== undefined && a.type !== 'string') || (b !== undefined && b.type !== 'string')) {
    throw new CommandError('ERR The specified keys must contain string values');
  }
  const options = optionsOf(rest);
  const [textA, textB] = [a?.value ?? '', b?.value ?? ''];
  if (options.length && options.indexes) throw new CommandError('ERR If you want both the length and indexes, please just use IDX.');
  const table = lengthTable(textA, textB);
  const width = textB.length + 1;
  const length = table[textA.length * width + textB.length] ?? 0;
  if (options.length) return length;
  const found = walkBack(textA, textB, table);
  if (!options.indexes) return found.text;
  const matches = found.matches.filter(({ a }) => a[1] - a[0] + 1 >= options.minMatchLength).map(({ a, b }): Reply => {
    const ranges: Reply[] = [[...a], [...b]];
    if (options.withMatchLength) ranges.push(a[1] - a[0] + 1);
    return ranges;
  });
  return new MapReply(['matches', matches, 'len', length]);
}

function optionsOf(args: readonly ByteString[]): LcsOptions {
  let [indexes, length, withMatchLength, minMatchLength] = [false, false, false, 0];
  for (let i = 0; i < args.length; i++) {
    if (isOption(args[i], 'IDX')) indexes = true;
    else if (isOption(args[i], 'LEN')) length = true;
    else if (isOption(args[i], 'WITHMATCHLEN')) withMatchLength = true;
    else if (isOption(args[i], 'MINMATCHLEN') && i + 1 < args.length) minMatchLength = Math.max(0, numberArgument(args[++i] ?? ''));
    else throw syntaxError();
  }
  return { indexes, length, withMatchLength, minMatchLength };
}

/** Row i, column j: the length for the first i bytes of `a` and the first j of `b`. */
function lengthTable(a: ByteString, b: ByteString): Uint32Array {
  const width = b.length + 1;
  const cells = (a.length + 1) * width;
  if (cells * 4 > maxTableBytes) throw new CommandError('ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len');
  const table = new Uint32Array(cells);
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const above = table[(i - 1) * width + j] ?? 0;
      const left = table[i * width + j - 1] ?? 0;
      table[i * width + j] = a.charCodeAt(i - 1) === b.charCodeAt(j - 1) ? (table[(i - 1) * width + j - 1] ?? 0) + 1 : Math.max(above, left);
    }
  }
  return table;
}

/** From the end: equal bytes belong to the subsequence; a run of them that touches in both strings is one match. */
function walkBack(a: ByteString, b: ByteString, table: Uint32Array): { readonly text: ByteString; readonly matches: readonly Match[] } {
  const width = b.length + 1;
  const reversed: string[] = [];
  const matches: Match[] = [];
  let run: Match | undefined;
  const flush = (): void => {
    if (run !== undefined) matches.push(run);
    run = undefined;
  };
  for (let i = a.length, j = b.length; i > 0 && j > 0;) {
    if (a.charCodeAt(i - 1) === b.charCodeAt(j - 1)) {
      reversed.push(a[i - 1] ?? '');
      const touches = run !== undefined && run.a[0] === i && run.b[0] === j;
      if (!touches) flush();
      run = { a: [i - 1, run?.a[1] ?? i - 1], b: [j - 1, run?.b[1] ?? j - 1] };
      i--;
      j--;
    } else if ((table[(i - 1) * width + j] ?? 0) > (table[i * width + j - 1] ?? 0)) {
      i--;
    } else {
      j--;
    }
  }
  flush();
  return { text: reversed.reverse().join(''), matches };
}
