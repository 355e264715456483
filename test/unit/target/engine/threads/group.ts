/**
 * Several data threads in one: engines that are joined by message ports and handed descriptors as
 * in the daemon, so that their agreement can be tested where storage can be held still.
 */
import fs from 'node:fs';
import { createServer } from 'node:net';
import { expect, vi } from 'vitest';
import type { EnginePort } from '../../../../../src/objects/engine_port.ts';
import type { Step } from '../../../../../src/objects/plan.ts';
import { createEngine } from '../../../../../src/target/engine.ts';
import {
  Coordinator,
  type DataThread,
} from '../../../../../src/target/engine/threads/coordinator.ts';
import { Membership } from '../../../../../src/target/engine/threads/membership.ts';
import { membersOf } from '../../../../../src/target/engine/threads/start_threads.ts';
import type { Clock } from '../../../../../src/util/clock.ts';
import { Initiator, OP } from '../../../../loopback/initiator.ts';
import { IserInitiator } from '../../../../loopback/iser_initiator.ts';

export const TARGET = 'iqn.2003-01.org.example:t1';
const TPG = ['iscsi', 'targets', TARGET, 'tpgs', '1'];

export interface Group {
  readonly engine: EnginePort;
  readonly threads: readonly DataThread[];
  readonly port: number;
  readonly opened: Initiator[];
  /** Of `membership_words.ts`. */
  readonly words: Int32Array;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

export const storage = (reference: string, after?: object, before?: object): Step => ({
  subject: 'storage_object',
  path: ['backstores', ...reference.split('/')],
  ...(before && { before }),
  ...(after && { after }),
});
export const ramdisk = (size: number, attributes = {}): object => ({
  size,
  nullio: false,
  wwn: 'wwn-ram',
  attributes,
});
export const fileio = (
  path: string,
  size: number,
  writeBack: boolean,
  attributes = {},
): object => ({
  path,
  size,
  write_back: writeBack,
  wwn: 'wwn-file',
  attributes,
});
const tpg = (writeProtect: boolean): object => ({
  enabled: true,
  attributes: { generate_node_acls: true, demo_mode_write_protect: writeProtect },
  parameters: {},
  auth: {},
  portals: {},
  luns: {},
  acls: {},
});

/** A target in demo mode whose LUNs are those storage objects, in their order. */
export function targetOf(port: number, references: readonly string[]): Step[] {
  return [
    { subject: 'target', path: TPG.slice(0, 3), after: { tpgs: {} } },
    { subject: 'tpg', path: TPG, after: tpg(false) },
    ...references.map((reference, lun): Step => ({
      subject: 'lun',
      path: [...TPG, 'luns', String(lun)],
      after: { storage_object: reference },
    })),
    {
      subject: 'portal',
      path: [...TPG, 'portals', `127.0.0.1:${port}`],
      after: { iser: true },
    },
  ];
}

/** Of a target that `targetOf` made: all its LUNs from now on. */
export const protectWrites = (protect: boolean): Step => ({
  subject: 'tpg',
  path: TPG,
  before: tpg(!protect),
  after: tpg(protect),
});

export async function startGroup(count: number, clock?: Clock): Promise<Group> {
  const data = membersOf(count);
  const members = data.map((each) => new Membership(each));
  const threads = members.map((member) =>
    createEngine({ logLevel: 'error', member, ...(clock && { clock }) }),
  );
  const [first, ...others] = threads;
  const engine = new Coordinator(first!, others);
  const opened: Initiator[] = [];
  return {
    engine,
    threads,
    port: await freePort(),
    opened,
    words: new Int32Array(data[0]!.words),
    async stop() {
      for (const initiator of opened) initiator.destroy();
      await engine.stop(0);
      for (const member of members) member.close();
    },
  };
}

/** A session of an initiator of its own, unless named. */
export async function login(
  group: Group,
  { name = 'iqn.1994-05.com.example:c', isid = '00023d000001', tsih = 0, iser = false } = {},
): Promise<Initiator> {
  const initiator = iser
    ? await IserInitiator.connect(group.port)
    : await Initiator.open(group.port);
  group.opened.push(initiator);
  const answer = await initiator.login({
    isid,
    tsih,
    keys: { InitiatorName: name, TargetName: TARGET, SessionType: 'Normal' },
  });
  if (answer.bhs[36] !== 0) throw new Error(`login refused: ${answer.bhs.toString('hex', 36, 38)}`);
  return initiator;
}

/** The data thread that serves it. */
export const threadOf = (group: Group, { tsih }: Initiator): number => tsih % group.threads.length;

/** A session in each thread, their first unit attention told. */
export async function sessionInEach(group: Group, luns = 1): Promise<Initiator[]> {
  const sessions: Initiator[] = [];
  for (const thread of group.threads.keys()) {
    sessions.push(await login(group, { name: `iqn.1994-05.com.example:c${thread}` }));
  }
  for (const session of sessions) {
    for (let lun = 0; lun < luns; lun++) await session.run({ lun, cdb: TEST_UNIT_READY });
  }
  return sessions.sort((a, b) => threadOf(group, a) - threadOf(group, b));
}

export const TEST_UNIT_READY = Buffer.alloc(16);
export const BLOCK = 512;

export function readBlock(lba: number, lun = 0) {
  const cdb = Buffer.alloc(16);
  cdb[0] = 0x28;
  cdb.writeUInt32BE(lba, 2);
  cdb.writeUInt16BE(1, 7);
  return { lun, cdb, read: true, edtl: BLOCK };
}

export function writeBlock(lba: number, byte: number, lun = 0) {
  const { cdb } = readBlock(lba);
  cdb[0] = 0x2a;
  const payload = Buffer.alloc(BLOCK, byte);
  return { lun, cdb, write: true, edtl: BLOCK, data: payload, payload };
}

const held: (() => void)[] = [];

/** What a test that failed still held: a thread does not stop before its storage has answered. */
export function releaseWrites(): void {
  for (const go of held.splice(0)) go();
}

/** Writes in the pool wait from now on, before they reach the file, until `release`. */
export function holdWrites(): { readonly held: () => number; readonly release: () => void } {
  const write = fs.write.bind(fs) as (...args: unknown[]) => void;
  const spy = vi.spyOn(fs, 'write').mockImplementation((...args: unknown[]) => {
    held.push(() => write(...args));
  });
  return {
    held: () => held.length,
    release() {
      spy.mockRestore();
      releaseWrites();
    },
  };
}

/** Resolves when it holds; the test's time limit is the limit. */
export async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

export const modeSelect = (page: readonly number[]) => {
  const data = Buffer.from([0, 0, 0, 0, ...page]);
  const cdb = Buffer.alloc(16);
  cdb[0] = 0x15;
  cdb[1] = 0x10;
  cdb[4] = data.length;
  return { cdb, write: true, edtl: data.length, data, payload: data };
};
export const SOFTWARE_WRITE_PROTECT = [0x0a, 10, 0x02, 0x10, 0x08, 0x40, 0, 0, 0xff, 0xff, 0, 0];
export const NOT_PROTECTED = [0x0a, 10, 0x02, 0x10, 0, 0x40, 0, 0, 0xff, 0xff, 0, 0];

/** Answered by the function's response. */
export async function manage(session: Initiator, code: number, lun = 0): Promise<void> {
  session.tmf({ function: code, lun });
  expect((await session.expect(OP.TMF_RESPONSE)).response).toBe(0);
}
