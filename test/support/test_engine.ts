/** The engine under test, in as many data threads as LUNSMITH_TEST_DATA_THREADS says. */
import type { EnginePort } from '../../src/objects/engine_port.ts';
import { createEngine, type EngineOptions } from '../../src/target/engine.ts';
import { Coordinator, type DataThread } from '../../src/target/engine/threads/coordinator.ts';
import { Membership } from '../../src/target/engine/threads/membership.ts';
import { membersOf } from '../../src/target/engine/threads/start_threads.ts';

const COUNT = Number(process.env['LUNSMITH_TEST_DATA_THREADS'] ?? '1');

/** Several are joined as in the daemon, but share this thread of the test. */
export function testEngine(options: Omit<EngineOptions, 'member'>): EnginePort {
  if (COUNT === 1) return createEngine(options);
  const members = membersOf(COUNT).map((data) => new Membership(data));
  const [first, ...others] = members.map((member) => createEngine({ ...options, member }));
  return new JoinedEngine(first!, others, members);
}

class JoinedEngine extends Coordinator {
  readonly #members: readonly Membership[];

  constructor(first: DataThread, others: readonly DataThread[], members: readonly Membership[]) {
    super(first, others);
    this.#members = members;
  }

  override async stop(graceMs: number): Promise<void> {
    await super.stop(graceMs);
    for (const member of this.#members) member.close();
  }
}
