import { slotCount } from '../model/shard-map.ts';

/** An owner that is not there yet. */
export const nobody = 0xffff;

/** Owners of every slot while they are being decided: member indexes, the same number for each slot, the preferred one first. */
export class SlotTable {
  readonly replicas: number;
  readonly owners: Uint16Array;

  constructor(replicas: number, owners?: Uint16Array) {
    this.replicas = replicas;
    this.owners = owners ?? new Uint16Array(slotCount * replicas).fill(nobody);
  }

  copy(): SlotTable {
    return new SlotTable(this.replicas, this.owners.slice());
  }

  at(slot: number, place: number): number {
    return this.owners[slot * this.replicas + place] as number;
  }

  put(slot: number, place: number, member: number): void {
    this.owners[slot * this.replicas + place] = member;
  }

  holds(slot: number, member: number): boolean {
    const from = slot * this.replicas;
    for (let place = 0; place < this.replicas; place++) if (this.owners[from + place] === member) return true;
    return false;
  }

  /** The owners of a slot as a list of its own. */
  set(slot: number): number[] {
    const set: number[] = [];
    for (let at = slot * this.replicas; set.length < this.replicas; at++) set.push(this.owners[at] as number);
    return set;
  }

  /** Slots that each of so many members owns. */
  counts(members: number): Float64Array {
    const counts = new Float64Array(members);
    for (const member of this.owners) if (member !== nobody) counts[member] = (counts[member] as number) + 1;
    return counts;
  }
}
