import { looksLikeId } from '../../model/route.ts';
import type { StateKey } from '../../model/state-key.ts';

/**
 * The group of elements a key belongs to: its pieces between `:`, `/`, `.` and `|`, with those that name one thing among many as `*`. `redis:0/cart:7:items` is one of
 * `redis:0/cart:*:items`. Only the shape of a piece is looked at, so the group of a key never depends on other keys.
 */
export function keyGroup(key: StateKey): string {
  const slash = key.indexOf('/') + 1;
  const name = key.slice(slash);
  return key.slice(0, slash) + name.split(/([:/.|])/).map((piece, index) => (index % 2 === 1 ? piece : pieceTemplate(piece))).join('');
}

function pieceTemplate(piece: string): string {
  if (looksLikeId(piece)) return '*';
  return piece.replace(/([A-Za-z])([-_~])?(\d+)$/, (_match, letter: string, separator: string | undefined) => `${letter}${separator ?? ''}*`);
}
