const jsonOf = (schema: object): object => ({ 'application/json': { schema } });
const problem = (description: string): object => ({ description, content: jsonOf({ $ref: '#/components/schemas/Problem' }) });
const ref = (kind: string, name: string): object => ({ $ref: `#/components/${kind}/${name}` });

const versionHeaders = {
  ETag: { description: 'The content hash in quotation marks.', schema: { type: 'string' } },
  'foreshard-revision': { description: 'The number of the revision: equal bytes have equal numbers.', schema: { type: 'integer' } },
  'foreshard-hash': { description: 'SHA-256 of the bytes in hexadecimal.', schema: { type: 'string', pattern: '^[0-9a-f]{64}$' } },
};

const readResponses = (content: object): object => ({
  200: { description: 'The bytes of the element.', headers: versionHeaders, ...content },
  304: { description: 'It is the one of If-None-Match.', headers: versionHeaders },
  400: problem('The key or the revision is none.'),
  404: problem('There is no such element, or the revision is not held here.'),
  409: problem('The state node is part of a cluster and does not serve this element (`map_outdated`).'),
});

const writeConditions = [
  { name: 'If-Match', in: 'header', description: 'Write only if the element has one of these ETags, or with `*` if there is one.', schema: { type: 'string' } },
  { name: 'If-None-Match', in: 'header', description: 'With `*`: write only if there is no such element.', schema: { type: 'string' } },
];

const readParameters = [
  { name: 'revision', in: 'query', description: 'This revision instead of the newest. The one before the newest is kept until the next write.', schema: { type: 'integer', minimum: 0 } },
  { name: 'If-None-Match', in: 'header', description: 'ETags that are known already.', schema: { type: 'string' } },
];

const elementPath = {
  parameters: [{ name: 'key', in: 'path', required: true, description: 'The state key, percent-encoded byte by byte; slashes may stand as they are.', schema: { type: 'string' }, example: 'redis:0/cart:7' }],
  get: { operationId: 'getElement', summary: 'The bytes of an element.', parameters: readParameters, responses: readResponses({ content: { 'application/octet-stream': {} } }) },
  head: { operationId: 'headElement', summary: 'Revision, hash and length of an element.', parameters: readParameters, responses: readResponses({}) },
  put: {
    operationId: 'putElement', summary: 'Writes an element: a new immutable revision, to which its head moves. Equal bytes change nothing.',
    parameters: [...writeConditions, { name: 'Content-Digest', in: 'header', description: 'RFC 9530, with sha-256: checked before anything is kept.', schema: { type: 'string' } }],
    requestBody: { required: true, description: 'The bytes, 64 MB at most.', content: { 'application/octet-stream': {} } },
    responses: {
      200: { description: 'It was overwritten, or had these bytes already.', headers: versionHeaders, content: jsonOf(ref('schemas', 'Element')) },
      201: { description: 'It was created.', headers: versionHeaders, content: jsonOf(ref('schemas', 'Element')) },
      400: problem('The key is none, or the body is not what its Content-Digest says (`payload_corrupt`).'),
      409: problem('The state node is part of a cluster: write with the StateClient (`map_outdated`).'),
      412: problem('The element is not as If-Match or If-None-Match has it (`precondition_failed`).'),
      413: problem('The body is larger than 64 MB (`payload_too_large`).'),
      507: problem('The state node is full (`state_node_full`).'),
    },
  },
  delete: {
    operationId: 'deleteElement', summary: 'Takes an element away.', parameters: writeConditions,
    responses: {
      204: { description: 'It is gone.' },
      400: problem('The key is none.'), 404: problem('There is no such element.'), 409: problem('The state node is part of a cluster (`map_outdated`).'), 412: problem('The element is not as If-Match has it (`precondition_failed`).'),
    },
  },
};

const listPath = {
  get: {
    operationId: 'listElements', summary: 'Elements in order of slot and key.',
    parameters: [
      { name: 'slot', in: 'query', description: 'Only those of this slot.', schema: { type: 'integer', minimum: 0, maximum: 65_535 } },
      { name: 'limit', in: 'query', description: 'How many at most.', schema: { type: 'integer', minimum: 1, maximum: 10_000, default: 100 } },
      { name: 'after', in: 'query', description: '`next` of the page before.', schema: { type: 'string' } },
    ],
    responses: {
      200: { description: 'A page.', content: jsonOf({ type: 'object', required: ['elements', 'next'], properties: { elements: { type: 'array', items: ref('schemas', 'Element') }, next: { type: ['string', 'null'] } } }) },
      400: problem('A parameter is wrong.'), 409: problem('A slot belongs to others (`map_outdated`).'),
    },
  },
};

const described = (operationId: string, summary: string, content: object): object => ({ get: { operationId, summary, responses: { 200: { description: summary, content } } } });

const schemas = {
  Element: {
    type: 'object', required: ['key', 'path', 'revision', 'hash', 'sizeBytes'],
    properties: {
      key: { type: 'string', description: 'For people: bytes that are no UTF-8 are escaped.' }, path: { type: 'string', description: 'Where it is; use it as it stands.' },
      revision: { type: 'integer' }, hash: { type: 'string' }, sizeBytes: { type: 'integer' },
    },
  },
  Problem: { type: 'object', required: ['code', 'message'], properties: { code: { type: 'string', description: 'What to branch on.' }, message: { type: 'string' }, hint: { type: 'string', description: 'What to do about it.' } } },
};

/** The OpenAPI 3.1 description of a state node's HTTP side. `version`: the release of foreshard. */
export function openApiDocument(version: string): Readonly<Record<string, unknown>> {
  return {
    openapi: '3.1.0',
    info: { title: 'foreshard state node', version, description: 'Elements by key on one state node, and what it says of itself. A cluster is written with the StateClient.', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths: {
      '/elements/{key}': elementPath,
      '/elements': listPath,
      '/stats': described('getStats', 'What the state node has done and holds.', jsonOf({ type: 'object' })),
      '/metrics': described('getMetrics', 'The same as Prometheus text.', { 'text/plain': { schema: { type: 'string' } } }),
      '/health': described('getHealth', 'That it lives, its name and which life this is.', jsonOf({ type: 'object' })),
      '/openapi.json': described('getOpenApi', 'This description.', jsonOf({ type: 'object' })),
    },
    components: { schemas },
  };
}
