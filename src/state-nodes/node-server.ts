import { CommandServer } from '../gateways/redis/command-server.ts';
import type { ListenAddress } from '../gateways/http/listen.ts';
import { ElementApi } from './element-api.ts';
import { EmbeddedStateNode } from './embedded-state-node.ts';
import { nodeCommands } from './node-commands.ts';
import { NodeHttp } from './node-http.ts';
import { errorText } from './node-wire.ts';
import { maxPayloadBytes } from './payloads.ts';
import type { StateNodeStats } from './state-node.ts';

/** Settings of a {@link NodeServer}. */
export interface NodeServerOptions {
  readonly id: string;
  /** Random text: nothing of an earlier process is left, and whoever knew that one has to notice. */
  readonly life: string;
  /** Payload bytes it may hold. */
  readonly maxBytes: number;
  /** Failure domain; empty: none. */
  readonly zone?: string;
  /** The release of foreshard. */
  readonly version: string;
  /** Told what nobody expected; the client is answered an error. */
  readonly onInternalError: (error: unknown) => void;
}

/** Where a node listens. */
export interface NodeAddresses {
  readonly resp: ListenAddress;
  readonly http?: ListenAddress;
}

/** Room in one command beyond one payload of the greatest length: a longer one is read to its end and refused by name up to twice that. */
const maxBulkBytes = 2 * maxPayloadBytes;
const maxCommandBytes = 4 * maxPayloadBytes;

/** An embedded state node as a server: over RESP for its client and redis-cli, over HTTP for everybody. Nothing is kept on disk. */
export class NodeServer {
  readonly node: EmbeddedStateNode;
  readonly #options: NodeServerOptions;
  readonly #resp: CommandServer;
  readonly #http: NodeHttp;
  readonly #startedAtMs = performance.now();
  #addresses: NodeAddresses | undefined;

  constructor(options: NodeServerOptions) {
    const { life, onInternalError } = options;
    this.#options = options;
    this.node = new EmbeddedStateNode({ id: options.id, life, maxBytes: options.maxBytes });
    const elements = new ElementApi(this.node, life, Date.now);
    const commands = nodeCommands({ node: this.node, elements, life, info: (stats) => this.#info(stats) });
    this.#resp = new CommandServer({ commands, maxBulkBytes, maxCommandBytes, errorText, onInternalError });
    this.#http = new NodeHttp({ node: this.node, elements, about: { id: options.id, life, zone: options.zone ?? '', version: options.version }, onInternalError });
  }

  /** Starts to listen; port 0 takes a free one. @throws ForeshardError `port_in_use`, `lane_unavailable` */
  async listen(resp: ListenAddress, http?: ListenAddress): Promise<NodeAddresses> {
    const bound = await this.#resp.listen(resp, 'the state node');
    try {
      this.#addresses = { resp: bound, ...http === undefined ? {} : { http: await this.#http.listen(http) } };
    } catch (error) {
      await this.#resp.close();
      throw error;
    }
    return this.#addresses;
  }

  /** Listens no more, answers what was asked, and forgets everything. */
  async close(): Promise<void> {
    await Promise.all([this.#resp.close(), this.#http.close()]);
    await this.node.close();
  }

  #info(stats: StateNodeStats): [string, Record<string, string | number>][] {
    const { id, life, zone = '', version } = this.#options;
    const { resp, http } = this.#addresses ?? {};
    return [
      ['Server', { redis_version: '7.0.15', redis_mode: 'standalone', foreshard_version: version, process_id: process.pid, tcp_port: resp?.port ?? 0, http_port: http?.port ?? 0, uptime_in_seconds: Math.floor((performance.now() - this.#startedAtMs) / 1000) }],
      ['Node', { id, life, zone }],
      ['Clients', { connected_clients: this.#resp.clients }],
      ['Memory', { used_memory: stats.bytes, maxmemory: stats.maxBytes ?? 0, maxmemory_policy: 'noeviction' }],
      ['Persistence', { loading: 0 }],
      ['Stats', { keyspace_hits: stats.hits, keyspace_misses: stats.reads - stats.hits, revisions_written: stats.writes, errors: stats.errors, evicted_keys: stats.evictions, read_p50_ms: stats.readP50Ms, read_p99_ms: stats.readP99Ms }],
      ['Replication', { role: 'master' }],
      ['Keyspace', { db0: `keys=${this.node.headCount},expires=0,avg_ttl=0`, revisions: stats.elements }],
    ];
  }
}
