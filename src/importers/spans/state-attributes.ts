/** The attribute by which an instrumentation tells the keys of a span itself: a list of texts, which win over any parsing. */
export const keysAttribute = 'foreshard.state.keys';

/** What is done to them: `read` or `write`, or a list of these, one a key. */
export const operationAttribute = 'foreshard.state.op';
