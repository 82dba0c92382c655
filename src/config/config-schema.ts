import { z } from 'zod';
import { memberSettings } from './member-setting.ts';

const command = z.union([z.string().min(1), z.array(z.string()).min(1)]);
const port = z.int().min(0).max(65_535);
const count = z.int().min(1).max(1024);
const duration = z.number().positive();
const address = z.string().regex(/^[^\s/]+:\d+$/, 'must be host:port');
const redisUpstream = z.string().refine((text) => text === 'embedded' || (/^rediss?:\/\/./.test(text) && URL.canParse(text)), "must be 'embedded' or redis://host:port");
const word = z.string().regex(/^[\w.:-]{1,64}$/, 'must be letters, digits, and . : _ -, 64 at most');
const nodeAddress = z.string().refine((text) => text === 'embedded' || (/^(?:rediss?|memcached|foreshard):\/\/./.test(text) && URL.canParse(text)), "must be 'embedded', redis://host:port, memcached://host:port or foreshard://host:port");
const stateNodeText = z.string().transform((text, context) => {
  try {
    return memberSettings([text])[0]?.address ?? '';
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
}).pipe(nodeAddress);
const httpUpstream = z.string().refine((text) => /^https?:\/\/./.test(text) && URL.canParse(text), 'must be an http:// or https:// URL');
const name = z.string().regex(/^[A-Za-z][\w-]*$/, 'must be a word of letters, digits, - and _');
const stateNodeObject = z.strictObject({ address: nodeAddress, id: word.optional(), zone: word.optional(), capacity: duration.optional() });
const stateNode = oneOf((given) => (isObject(given) ? stateNodeObject : stateNodeText));
const kindName = /^[A-Za-z][\w-]*(?::[^:/\s]+)?$/;
const kindNames = "a kind is named 'default', like redis or http, or kind:scope like redis:0 or http:catalogue";
const replicas = byKind(z.int().min(1).max(16));
const consistency = byKind(z.enum(['quorum', 'one', 'all']));

/** One of several schemas, by what is given: unlike a union it says what is wrong. */
function oneOf(choose: (given: unknown) => z.ZodType): z.ZodType {
  return z.unknown().superRefine((given, context) => {
    const { error } = choose(given).safeParse(given);
    for (const { message, path } of error?.issues ?? []) context.addIssue({ code: 'custom', message, path });
  });
}

/** One value for all state, or by kind of it. */
function byKind(value: z.ZodType): z.ZodType {
  const kinds = z.record(z.string(), value).superRefine((given, context) => {
    for (const name of Object.keys(given)) if (!kindName.test(name)) context.addIssue({ code: 'custom', message: kindNames, path: [name] });
  });
  return oneOf((given) => (isObject(given) ? kinds : value));
}

function isObject(given: unknown): boolean {
  return typeof given === 'object' && given !== null;
}

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
  replicas: replicas.optional(),
  consistency: consistency.optional(),
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
