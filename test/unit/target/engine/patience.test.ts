import { expect, test } from 'vitest';
import { Patience, patient } from '../../../../src/target/engine/patience.ts';

type Calls = Parameters<typeof patient>[0];

/** A thread whose answers are given by hand; `asked` is what it was asked, in order. */
function thread() {
  const asked: string[] = [];
  const pending: ((value: unknown) => void)[] = [];
  const call = (name: string) => () => {
    asked.push(name);
    return new Promise((resolve) => pending.push(resolve));
  };
  const names = ['prepare', 'commit', 'rollback', 'runtime', 'rescan', 'kick', 'answerStates'];
  const calls = Object.fromEntries(names.map((name) => [name, call(name)])) as unknown as Calls;
  const patience = new Patience();
  const answer = async (value?: unknown) => {
    pending.shift()?.(value);
    await new Promise(setImmediate);
  };
  return { asked, answer, patience, engine: patient(calls, patience) };
}

test('what was asked ends once the thread is silent, and nothing more is asked of it', async () => {
  const { asked, patience, engine } = thread();
  const look = engine.runtime();
  patience.fellSilent('data thread 2 of 2 does not answer');
  await expect(look).rejects.toThrow('data thread 2 of 2 does not answer');
  await expect(engine.kick(1)).rejects.toThrow('does not answer');
  expect(asked).toEqual(['runtime']);
  patience.answersAgain();
  void engine.kick(1);
  expect(asked).toEqual(['runtime', 'kick']);
});

test('a change that was given up is taken back before anything else is asked', async () => {
  const { asked, answer, patience, engine } = thread();
  const change = engine.prepare([]);
  patience.fellSilent('it does not answer');
  await expect(change).rejects.toThrow('it does not answer');
  patience.answersAgain();
  await expect(engine.prepare([])).rejects.toThrow('it does not answer');
  await answer({ degraded: [] });
  expect(asked).toEqual(['prepare', 'rollback']);
  await expect(engine.prepare([])).rejects.toThrow('it does not answer');
  await answer();
  void engine.prepare([]);
  expect(asked).toEqual(['prepare', 'rollback', 'prepare']);
});

test('a change that all have prepared holds, though a thread falls silent then', async () => {
  const { asked, answer, patience, engine } = thread();
  const prepared = engine.prepare([]);
  await answer({ degraded: [] });
  await prepared;
  const commit = engine.commit();
  patience.fellSilent('it does not answer');
  await commit;
  expect(asked).toEqual(['prepare', 'commit']);
});
