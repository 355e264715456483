/** iSER end to end over real sockets: the same sessions as over TCP, their data moved by RDMA. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { bench, type Bench } from '../unit/target/iscsi/served_kit.ts';
import {
  aclOf,
  INITIATOR,
  PORTAL,
  TARGET,
  type TpgOptions,
} from '../unit/target/iscsi/login_kit.ts';
import { keysOf, OP, RESERVED, textOf, type Answer } from './initiator.ts';
import { IserInitiator, type IserOptions } from './iser_initiator.ts';
import { cdbOf, patternOf } from './served.ts';

const KEYS = { InitiatorName: INITIATOR, TargetName: TARGET, SessionType: 'Normal' };

async function iserBench(options: TpgOptions = {}): Promise<Bench> {
  const served = await bench({ iserPortals: [PORTAL], ...options });
  served.served.iser = true;
  return served;
}

async function login(
  { port }: Bench,
  options: IserOptions = {},
  keys: Readonly<Record<string, string>> = {},
): Promise<IserInitiator> {
  const initiator = await IserInitiator.connect(port, options);
  const answer = await initiator.login({ keys: { ...KEYS, ...keys } });
  if (answer.bhs[36] !== 0) throw new Error(`login refused: ${answer.bhs.toString('hex')}`);
  return initiator;
}

describe('login', () => {
  test('moves to full feature phase with RDMAExtensions, and the session says iSER', async () => {
    const served = await iserBench();
    const initiator = await IserInitiator.connect(served.port);
    const answer = await initiator.login({ keys: { ...KEYS, HeaderDigest: 'CRC32C,None' } });
    expect(keysOf(answer.data)).toMatchObject({
      RDMAExtensions: 'Yes',
      TargetRecvDataSegmentLength: '8192',
      InitiatorRecvDataSegmentLength: '262144',
      HeaderDigest: 'None',
    });
    expect(keysOf(answer.data)).not.toHaveProperty('MaxRecvDataSegmentLength');
    const [session] = served.served.opened;
    expect(session?.info().connections[0]?.transport).toBe('iSER');
    initiator.destroy();
  });

  test('without RDMAExtensions=Yes there is no session on this transport', async () => {
    const served = await iserBench();
    const initiator = await IserInitiator.connect(served.port);
    const answer = await initiator.login({ keys: { ...KEYS, RDMAExtensions: 'No' } });
    expect(answer.bhs.readUInt16BE(36)).toBe(0x0207);
    initiator.destroy();
  });

  test('a portal without iSER rejects MPA and still serves TCP', async () => {
    const served = await iserBench();
    served.served.iser = false;
    await expect(IserInitiator.connect(served.port)).rejects.toThrow('rejected');
    const reason = 'iSER is not enabled on this portal';
    await expect.poll(() => served.served.closeReasons).toContain(reason);
    const tcp = await served.login();
    expect((await tcp.run({ read: true, edtl: 512, cdb: cdbOf(512) })).data).toEqual(
      patternOf(512),
    );
  });

  test('a target whose own portal has no iSER is not reached by it', async () => {
    const served = await iserBench({ iserPortals: [] });
    await expect(login(served)).rejects.toThrow('login refused');
    expect(served.served.refused[0]?.rule).toContain('no iSER portal');
  });

  test('discovery lists what is reached by iSER', async () => {
    const served = await iserBench();
    const initiator = await IserInitiator.connect(served.port);
    await initiator.login({ keys: { InitiatorName: INITIATOR, SessionType: 'Discovery' } });
    initiator.rdma.postReceive(Buffer.alloc(9000));
    initiator.text({ SendTargets: 'All' });
    const answer = await initiator.expect(OP.TEXT_RESPONSE);
    expect(keysOf(answer.data)).toMatchObject({ TargetName: TARGET });
    initiator.destroy();
  });
});

describe('data', () => {
  const SIZES = [1, 3, 4, 511, 512, 1424, 1428, 1429, 4096, 65_536, 65_537, 262_144, 1_048_576];
  const VARIANTS: IserOptions[] = [
    {},
    { crc: true },
    { emss: 65_483 },
    { enhanced: false },
    { sendInvalidate: false },
    { ird: 1 },
  ];

  test.each(VARIANTS)('reads and writes of many sizes with %j', async (options) => {
    const served = await iserBench();
    const initiator = await login(served, options);
    for (const size of SIZES) {
      const read = await initiator.run({ read: true, edtl: size, cdb: cdbOf(size) });
      expect(read.status).toBe(0);
      expect(read.data.equals(patternOf(size))).toBe(true);
      const payload = Buffer.from(patternOf(size).map((byte) => byte ^ 0x5a));
      const wrote = await initiator.run({ write: true, edtl: size, cdb: cdbOf(size), payload });
      expect(wrote.status).toBe(0);
      expect(served.written.pop()?.equals(payload)).toBe(true);
    }
    const returned = options.sendInvalidate === false ? 0 : 2 * SIZES.length;
    expect(initiator.invalidated.length).toBe(returned);
    expect(initiator.longestMessage).toBeLessThanOrEqual(28 + 48 + 128);
    expect(initiator.rdma.counts.regions).toBe(0);
    initiator.destroy();
  });

  test('immediate data rides in the message, the rest is read from behind it', async () => {
    const served = await iserBench();
    const initiator = await login(served);
    for (const [size, immediate] of [
      [512, 512],
      [8192, 8192],
      [8193, 8192],
      [65_536, 8192],
      [300_000, 100],
    ] as const) {
      const payload = patternOf(size);
      const data = payload.subarray(0, immediate);
      const options = { write: true, edtl: size, cdb: cdbOf(size), data, payload };
      const { status } = await initiator.run(options);
      expect(status).toBe(0);
      expect(served.written.pop()?.equals(payload)).toBe(true);
    }
    initiator.destroy();
  });

  test('unsolicited data comes in PDUs, the rest is read from behind it', async () => {
    const served = await iserBench({ parameters: { InitialR2T: false } });
    const initiator = await login(served, {}, { InitialR2T: 'No' });
    const first = 65_536;
    const payload = patternOf(100_000);
    const data = payload.subarray(0, 8192);
    const edtl = payload.length;
    const options = { write: true, final: false, edtl, cdb: cdbOf(edtl), data };
    const itt = initiator.command(options, payload, first);
    for (let offset = 8192, dataSN = 0; offset < first; offset += 8192, dataSN++) {
      const part = payload.subarray(offset, offset + 8192);
      initiator.dataOut({ itt, dataSN, offset, data: part, final: offset + 8192 === first });
    }
    expect((await initiator.finish(itt)).status).toBe(0);
    expect(served.written.pop()?.equals(payload)).toBe(true);
    initiator.destroy();
  });

  test('many commands at a time, each with its own data', async () => {
    const served = await iserBench();
    const initiator = await login(served, { ird: 2 });
    const tags: number[] = [];
    const payloads = new Map<number, Buffer>();
    for (let count = 0; count < 24; count++) {
      const size = 1000 + count * 7001;
      const payload = Buffer.alloc(size, count);
      const itt = initiator.command({ write: true, edtl: size, cdb: cdbOf(size) }, payload);
      tags.push(itt);
      payloads.set(itt, payload);
    }
    for (const itt of tags) expect((await initiator.finish(itt)).status).toBe(0);
    expect(served.written.length).toBe(24);
    served.written.forEach((bytes, index) => {
      expect(bytes.equals(payloads.get(tags[index]!)!)).toBe(true);
    });
    initiator.destroy();
  });

  test('residuals and sense are those of TCP', async () => {
    const served = await iserBench();
    const initiator = await login(served);
    const short = await initiator.run({ read: true, edtl: 1000, cdb: cdbOf(600) });
    expect([short.last.underflow, short.last.residual]).toEqual([true, 400]);
    expect(short.data).toEqual(patternOf(600));
    const long = await initiator.run({ read: true, edtl: 100, cdb: cdbOf(600) });
    expect([long.last.overflow, long.last.residual]).toEqual([true, 500]);
    initiator.destroy();
  });
});

describe('the rest of the session', () => {
  test('NOP, text in pieces of 128 bytes, logout', async () => {
    const served = await iserBench();
    const initiator = await login(served);
    initiator.nopOut({ data: patternOf(500) });
    expect((await initiator.expect(OP.NOP_IN)).data.length).toBe(128);
    initiator.logout();
    expect((await initiator.expect(OP.LOGOUT_RESPONSE)).response).toBe(0);
    await initiator.closed;
    await expect.poll(() => served.served.sessions.size).toBe(0);
  });

  test('a silent initiator is pinged, lives by its answer, and is dropped without', async () => {
    const served = await iserBench();
    const initiator = await login(served);
    const { clock } = served.served;
    clock.pass(15_000);
    const ping = await initiator.expect(OP.NOP_IN);
    initiator.nopOut({ itt: RESERVED, ttt: ping.ttt });
    const read = await initiator.run({ read: true, edtl: 100, cdb: cdbOf(100) });
    expect(read.status).toBe(0);
    clock.pass(30_000);
    await initiator.expect(OP.NOP_IN);
    expect(served.served.sessions.size).toBe(1);
    clock.pass(30_000);
    await initiator.closed;
    expect(served.served.closeReasons.at(-1)).toContain('no answer to NOP-In');
  });

  test('an abort is answered after the reads of its command, and nothing is placed', async () => {
    const served = await iserBench();
    const initiator = await login(served);
    const into = Buffer.alloc(4096, 0xee);
    served.device.behaviour = (task) => task.receiveDataOut(into, 0, () => {});
    const itt = initiator.command({ write: true, edtl: 4096, cdb: cdbOf(4096) }, patternOf(4096));
    initiator.tmf({ function: 1, refItt: itt });
    const answer = await initiator.expect(OP.TMF_RESPONSE);
    expect(answer.response).toBe(0);
    expect(into.equals(Buffer.alloc(4096, 0xee))).toBe(true);
    expect(initiator.rdma.counts.served).toBe(0);
    initiator.destroy();
  });

  test('a reset of the LUN is answered after the reads under way; nothing is placed', async () => {
    const served = await iserBench();
    const initiator = await login(served, { ird: 2 });
    const untouched = Buffer.alloc(40_000, 0xee);
    const sinks = Array.from({ length: 8 }, () => Buffer.from(untouched));
    let taken = 0;
    served.device.behaviour = (task) => {
      task.receiveDataOut(sinks[taken++] ?? untouched, 0, () => {});
    };
    const write = { write: true, edtl: 40_000, cdb: cdbOf(40_000) };
    for (const { length } of sinks) initiator.command(write, patternOf(length));
    initiator.tmf({ function: 5 });
    expect((await initiator.expect(OP.TMF_RESPONSE)).response).toBe(0);
    expect(taken).toBe(8);
    for (const sink of sinks) expect(sink.equals(untouched)).toBe(true);
    expect(initiator.rdma.counts.served).toBe(0);
    initiator.destroy();
  });

  test('an initiator that goes away in the midst of reads leaves nothing under way', async () => {
    const served = await iserBench();
    const initiator = await login(served, { ird: 1 });
    const into = Buffer.alloc(1_000_000, 0xee);
    let begun = () => {};
    const started = new Promise<void>((resolve) => (begun = resolve));
    served.device.behaviour = (task) => {
      task.receiveDataOut(into, 0, () => {});
      begun();
    };
    const edtl = into.length;
    initiator.command({ write: true, edtl, cdb: cdbOf(edtl) }, patternOf(edtl));
    await started;
    initiator.tcp.resetAndDestroy();
    await expect.poll(() => served.served.sessions.size).toBe(0);
    expect(served.device.calls.length).toBeGreaterThan(0);
  });

  test('Hello, where the initiator asks for it: versions, and fewer reads at a time', async () => {
    const served = await iserBench();
    const initiator = await login(served, {}, { iSERHelloRequired: 'Yes' });
    initiator.hello(3);
    const read = await initiator.run({ read: true, edtl: 600, cdb: cdbOf(600) });
    expect(read.data).toEqual(patternOf(600));
    const [reply = Buffer.alloc(28)] = initiator.helloReplies;
    expect([reply[0], reply[1], reply.readUInt16BE(2)]).toEqual([0x30, 0xaa, 3]);
    initiator.destroy();
  });

  test('a command before the Hello that was agreed on ends the connection', async () => {
    const served = await iserBench();
    const initiator = await login(served, {}, { iSERHelloRequired: 'Yes' });
    initiator.command({ read: true, edtl: 600, cdb: cdbOf(600) });
    await initiator.closed;
    const last = () => served.served.closeReasons.at(-1);
    await expect.poll(last).toContain('before the Hello');
  });

  test('a write without a buffer to read from ends the connection', async () => {
    const served = await iserBench();
    const initiator = await login(served);
    const { bhs } = initiator.scsiHeader({ write: true, edtl: 4096, cdb: cdbOf(4096) });
    initiator.send(bhs);
    await initiator.closed;
    const last = () => served.served.closeReasons.at(-1);
    await expect.poll(last).toContain('without a buffer to write from');
  });

  test('TCP and iSER serve the same target on one port at the same time', async () => {
    const served = await iserBench();
    const [tcp, iser] = [await served.login(), await IserInitiator.connect(served.port)];
    await iser.login({ keys: KEYS, isid: '00023d000002' });
    const read = { read: true, edtl: 70_000, cdb: cdbOf(70_000) };
    const [one, two] = await Promise.all([tcp.run(read), iser.run(read)]);
    expect(one.data.equals(two.data)).toBe(true);
    expect(served.served.sessions.size).toBe(2);
    iser.destroy();
  });
});

describe('CHAP', () => {
  const auth = {
    userid: 'iuser',
    password: 'initiatorsecret1',
    mutual_userid: 'tuser',
    mutual_password: 'targetsecret123',
  };
  const md5 = (id: number, secret: string, challenge: Buffer): string =>
    createHash('md5')
      .update(Buffer.concat([Buffer.from([id]), Buffer.from(secret), challenge]))
      .digest('hex');

  /** The security stage, as `ib_iser` goes through it; the last answer. */
  async function authenticate(initiator: IserInitiator, secret: string): Promise<Answer> {
    const bhs = initiator.loginHeader();
    const ask = async (flags: number, keys: Readonly<Record<string, string>>): Promise<Answer> => {
      const request = Buffer.from(bhs);
      request[1] = flags;
      initiator.send(request, textOf(keys));
      return initiator.expect(OP.LOGIN_RESPONSE);
    };
    await ask(0, { ...KEYS, AuthMethod: 'CHAP' });
    const asked = keysOf((await ask(0, { CHAP_A: '5' })).data);
    const challenge = Buffer.from(asked['CHAP_C']!.slice(2), 'hex');
    const ours = Buffer.alloc(16, 7);
    const answer = await ask(0x81, {
      CHAP_N: auth.userid,
      CHAP_R: `0x${md5(Number(asked['CHAP_I']), secret, challenge)}`,
      CHAP_I: '9',
      CHAP_C: `0x${ours.toString('hex')}`,
    });
    if (answer.bhs[36] === 0) {
      expect(keysOf(answer.data)['CHAP_R']).toBe(`0x${md5(9, auth.mutual_password, ours)}`);
      return ask(0x87, IserInitiator.keys);
    }
    return answer;
  }

  const options: TpgOptions = {
    attributes: { authentication: true, generate_node_acls: false },
    acls: [aclOf(auth)],
  };

  test('both ways, and then the session serves', async () => {
    const served = await iserBench(options);
    const initiator = await IserInitiator.connect(served.port);
    const answer = await authenticate(initiator, auth.password);
    expect([answer.bhs[36], answer.flags & 0x83]).toEqual([0, 0x83]);
    initiator.postReceives();
    const read = await initiator.run({ read: true, edtl: 600, cdb: cdbOf(600) });
    expect(read.data).toEqual(patternOf(600));
    expect(served.served.opened[0]?.result.authenticated).toBe('mutual CHAP');
    initiator.destroy();
  });

  test('a wrong secret is refused and the connection closed', async () => {
    const served = await iserBench(options);
    const initiator = await IserInitiator.connect(served.port);
    const answer = await authenticate(initiator, 'wrong-secret-1234');
    expect(answer.bhs.readUInt16BE(36)).toBe(0x0201);
    await initiator.closed;
    expect(served.served.sessions.size).toBe(0);
  });
});
