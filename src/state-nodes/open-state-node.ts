import type { Member } from '../model/shard-map.ts';
import { EmbeddedStateNode } from './embedded-state-node.ts';
import { ForeshardStateNode } from './foreshard-state-node.ts';
import { MemcachedStateNode } from './memcached-state-node.ts';
import { parseNodeAddress } from './node-address.ts';
import { RedisStateNode } from './redis-state-node.ts';
import type { StateNode } from './state-node.ts';

/** Options of {@link openStateNode}. */
export interface OpenStateNodeOptions {
  /** What one recording, run or cluster keeps on a server is apart from what others keep there. */
  readonly namespace: string;
  /** `clear` (when left out) deletes the namespace on closing, `keep` leaves it to others. */
  readonly onClose?: 'clear' | 'keep';
  /** Where the namespace is cleared on closing: how long what a killed process leaves behind may stay. A day when left out. */
  readonly expiryMs?: number;
  /** An operation that takes longer fails. */
  readonly timeoutMs?: number;
  /** Payload bytes it may hold; left out: what the engine has for a limit. */
  readonly maxBytes?: number;
  /** Takes a Redis that throws keys away when it is full; what it throws away is counted. */
  readonly allowEviction?: boolean;
}

/**
 * Connects to the state node of a member, whose engine its address names.
 * @throws ForeshardError `config_invalid` for an unknown engine, `state_node_unreachable`, `state_node_evicts`, `namespace_foreign`
 */
export async function openStateNode(member: Pick<Member, 'id' | 'address'>, options: OpenStateNodeOptions): Promise<StateNode> {
  const { id } = member;
  const { allowEviction, ...shared } = options;
  const place = parseNodeAddress(member.address);
  switch (place.engine) {
    case 'embedded': return new EmbeddedStateNode({ id, ...(options.maxBytes === undefined ? {} : { maxBytes: options.maxBytes }) });
    case 'redis': return RedisStateNode.connect({ id, ...shared, ...place, ...(allowEviction === undefined ? {} : { allowEviction }) });
    case 'memcached': return MemcachedStateNode.connect({ id, ...shared, ...place });
    case 'foreshard': return ForeshardStateNode.connect({ id, host: place.host, port: place.port, ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }) });
  }
}
