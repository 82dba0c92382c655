import { describe, expect, it } from 'vitest';
import { manualKeyspace } from '../manual-keyspace.ts';
import { ErrorReply } from '../reply.ts';

describe('SORT', () => {
  it('sorts by the text of other keys, and gets fields of hashes', () => {
    const { run } = manualKeyspace();
    run('RPUSH users 1 2 3');
    run('MSET name_1 zoe name_2 ada name_3 bob');
    run('HSET user_2 mail a@x');
    expect(run('SORT users BY name_* ALPHA GET # GET user_*->mail')).toEqual(['2', 'a@x', '3', null, '1', null]);
    expect(run('SORT users BY name_* ALPHA DESC LIMIT 0 1')).toEqual(['1']);
  });

  it('stores a list, and removes the destination where nothing is left', () => {
    const { run } = manualKeyspace();
    run('SADD s 10 9 2');
    run('SET out x EX 100');
    expect(run('SORT s STORE out')).toBe(3);
    expect(run('LRANGE out 0 -1')).toEqual(['2', '9', '10']);
    expect(run('TTL out')).toBe(-1);
    expect(run('SORT none STORE out')).toBe(0);
    expect(run('EXISTS out')).toBe(0);
  });

  it('refuses what is no number in range', () => {
    const { run } = manualKeyspace();
    for (const item of ['x', 'nan', '1e400', '1x']) {
      run(`SADD s ${item}`);
      expect(run('SORT s')).toEqual(new ErrorReply("ERR One or more scores can't be converted into double"));
      run('DEL s');
    }
    run('RPUSH l inf 0x10 -1');
    expect(run('SORT l')).toEqual(['-1', '0x10', 'inf']);
  });
});
