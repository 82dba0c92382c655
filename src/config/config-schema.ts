import { z } from 'zod';

const command = z.union([z.string().min(1), z.array(z.string()).min(1)]);
const port = z.int().min(0).max(65_535);
const count = z.int().min(1).max(1024);
const duration = z.number().positive();
const address = z.string().regex(/^[^\s/]+:\d+$/, 'must be host:port');
const redisUpstream = z.string().refine((text) => text === 'embedded' || (/^rediss?:\/\/./.test(text) && URL.canParse(text)), "must be 'embedded' or redis://host:port");
const stateNode = z.string().refine((text) => text === 'embedded' || (/^(?:rediss?|memcached|foreshard):\/\/./.test(text) && URL.canParse(text)), "must be 'embedded', redis://host:port, memcached://host:port or foreshard://host:port");
const httpUpstream = z.string().refine((text) => /^https?:\/\/./.test(text) && URL.canParse(text), 'must be an http:// or https:// URL');
const name = z.string().regex(/^[A-Za-z][\w-]*$/, 'must be a word of letters, digits, - and _');

const configSchema = z.strictObject({
  service: z.strictObject({
    command: command.optional(), port: port.optional(), ready: z.string().startsWith('/').optional(), readyTimeoutMs: duration.optional(),
    env: z.record(z.string(), z.string()).optional(), cwd: z.string().optional(),
  }).optional(),
  redis: z.union([redisUpstream, z.array(z.strictObject({ name: name.optional(), upstream: redisUpstream, address: address.optional() }))]).optional(),
  http: z.array(z.strictObject({ name, upstream: httpUpstream, address: address.optional() })).optional(),
  record: z.strictObject({
    folder: z.string().optional(), port: port.optional(), host: z.string().optional(), snapshot: z.enum(['auto', 'touch', 'full']).optional(),
    instances: count.optional(), concurrency: count.optional(),
  }).optional(),
  replay: z.strictObject({
    instances: count.optional(), concurrency: count.optional(), requestTimeoutMs: duration.optional(), lateTimeoutMs: duration.optional(),
    laneStore: z.enum(['auto', 'overlay', 'redis']).optional(),
  }).optional(),
  predict: z.strictObject({
    rules: z.array(z.strictObject({ route: z.string().regex(/^[A-Z]+ \//, "must be like 'GET /carts/:id'"), key: z.string().regex(/^[^:/]+:[^/]*\/./, "must be like 'redis:0/cart:{id}'"), access: z.enum(['read', 'write']), share: z.number().min(0).max(1).optional() })).optional(),
    prometheus: z.strictObject({ url: httpUpstream, queries: z.record(z.string(), z.string()) }).optional(),
  }).optional(),
  stateNodes: z.array(stateNode).min(1).optional(),
  replicas: count.optional(),
  preload: z.enum(['auto', 'off']).optional(),
  isolation: z.enum(['auto', 'none', 'namespace']).optional(),
  determinism: z.enum(['request', 'real']).optional(),
  redact: z.strictObject({
    headers: z.array(z.string()).optional(), jsonPaths: z.array(z.string()).optional(), keys: z.array(z.string()).optional(),
    patterns: z.array(z.strictObject({ pattern: z.string(), replace: z.string().optional() })).optional(),
  }).optional(),
  ignore: z.array(z.string()).optional(),
  unordered: z.array(z.string()).optional(),
});

/** What is wrong with a configuration, with the path of each field; undefined when nothing is. Loaded lazily: zod takes 50 ms to start. */
export function configProblems(config: unknown): string | undefined {
  const checked = configSchema.safeParse(config);
  return checked.success ? undefined : z.prettifyError(checked.error);
}
