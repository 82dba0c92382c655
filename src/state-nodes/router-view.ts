import { ownersOfHash, slotOfHash } from '../model/directory.ts';
import { memberName, type Member, type ShardMap } from '../model/shard-map.ts';
import { MemberLink } from './member-link.ts';
import type { StateNode } from './state-node.ts';

const nobody: readonly number[] = [];

/** One shard map as a router sees it: owners are places of links. Never changes; reads that began on it end on it. */
export class RouterView {
  readonly map: ShardMap;
  /** The links of the members that can be asked. */
  readonly links: readonly MemberLink[];
  /** Reads that began on it and are under way. */
  reads = 0;
  /** The map with links for members in its sets. */
  readonly #linked: ShardMap;

  /** @param linkOf the link of a member; undefined: it cannot be asked */
  constructor(map: ShardMap, linkOf: (member: Member) => MemberLink | undefined) {
    this.map = map;
    const links = map.members.map(linkOf);
    this.links = links.filter((link) => link !== undefined);
    this.#linked = { ...map, sets: map.sets.map((set) => set.map((member) => links[member]?.place ?? -1).filter((place) => place >= 0)) };
  }

  /** Places of the owners of whatever has a tag of this hash. */
  owners(hash: number): readonly number[] {
    return ownersOfHash(this.#linked, hash);
  }

  /** Places of the owners before, while the slot is changing. */
  ownersBefore(hash: number): readonly number[] {
    const change = this.#linked.changes.size === 0 ? undefined : this.#linked.changes.get(slotOfHash(hash));
    return change === undefined ? nobody : this.#linked.sets[change.old] ?? nobody;
  }
}

/** Where state nodes come from: opened when they are needed and closed by the router, or given by member id; then they are closed with the router. */
export type StateNodes = ReadonlyMap<string, StateNode> | ((member: Member) => Promise<StateNode>);

/** The links of a router: one for each member in one of its lives, whichever maps it is in. */
export class MemberLinks {
  readonly #nodes: StateNodes;
  readonly #byName = new Map<string, MemberLink>();
  readonly #byPlace: MemberLink[] = [];

  constructor(nodes: StateNodes) {
    this.#nodes = nodes;
  }

  /** The view of a map. Members it shares with maps before keep their links. */
  view(map: ShardMap): RouterView {
    return new RouterView(map, (member) => this.#of(member));
  }

  /** The link with this number. */
  at(place: number): MemberLink {
    return this.#byPlace[place] as MemberLink;
  }

  /** Lets go of the links that are in none of these views; says which. */
  retain(views: readonly RouterView[]): MemberLink[] {
    const kept = new Set(views.flatMap(({ links }) => links));
    const retired = [...this.#byName.values()].filter((link) => !kept.has(link));
    for (const link of retired) this.#byName.delete(nameOf(link.member));
    return retired;
  }

  /** Closes every state node. */
  async close(): Promise<void> {
    const links = [...this.#byName.values()];
    this.#byName.clear();
    await Promise.all(links.map((link) => link.retire()));
    if (typeof this.#nodes !== 'function') await Promise.all([...this.#nodes.values()].map((node) => node.close()));
  }

  #of(member: Member): MemberLink | undefined {
    const known = this.#byName.get(nameOf(member));
    if (known !== undefined) return known;
    const open = this.#opener(member);
    if (open === undefined) return undefined;
    const link = new MemberLink({ place: this.#byPlace.length, member, open, owned: typeof this.#nodes === 'function' });
    this.#byName.set(nameOf(member), link);
    this.#byPlace.push(link);
    return link;
  }

  #opener(member: Member): ((member: Member) => Promise<StateNode>) | undefined {
    if (typeof this.#nodes === 'function') return this.#nodes;
    const node = this.#nodes.get(member.id);
    return node === undefined ? undefined : async () => node;
  }
}

/** A member that moved to another address is reached by another link. */
function nameOf(member: Member): string {
  return `${memberName(member)} ${member.address}`;
}
