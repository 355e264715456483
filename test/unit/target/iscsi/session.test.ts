/** Sessions: reinstatement, logout, pings, timeouts, digests, the login phase's limits. */
import { describe, expect, test } from 'vitest';
import type { ScsiTask } from '../../../../src/target/scsi/scsi_task.ts';
import { SETTLE_WITHIN_SECONDS } from '../../../../src/target/iscsi/connection.ts';
import { MAX_LOGINS_PER_PORTAL } from '../../../../src/target/iscsi/session_table.ts';
import { digestOf, OP, RESERVED, textOf } from '../../../loopback/initiator.ts';
import { cdbOf, patternOf } from '../../../loopback/served.ts';
import { aclOf, DISCOVERY } from './login_kit.ts';
import { bench, NORMAL_KEYS } from './served_kit.ts';

const read = { read: true, edtl: 8, cdb: cdbOf(8) };
const statusOf = (answer: { bhs: Buffer }): number => answer.bhs.readUInt16BE(36);

describe('a mistake of our own', () => {
  test('ends the connection that it struck, not the process, and leaves a trace', async () => {
    let broken = true;
    const kit = await bench();
    const { behaviour } = kit.device;
    kit.device.behaviour = (task) => {
      if (broken) throw new RangeError('index out of range');
      behaviour(task);
    };
    const struck = await kit.login();
    struck.scsi(read);
    expect(await struck.next()).toBe(null);
    broken = false;
    expect((await (await kit.login()).run(read)).status).toBe(0);
    const [trace] = kit.served.records.filter(({ level }) => level === 'error');
    expect(trace?.fields['error']).toContain('index out of range');
  });
});

describe('login phase', () => {
  test.each([OP.SCSI_COMMAND, OP.NOP_OUT, OP.TEXT, OP.DATA_OUT, OP.LOGOUT, 0x1f])(
    'a PDU with opcode %i before full feature phase closes the connection',
    async (opcode) => {
      const kit = await bench();
      const initiator = await kit.connect();
      initiator.bare(opcode);
      expect(await initiator.next()).toBe(null);
      expect(kit.served.sessions.size).toBe(0);
    },
  );

  test('what is no iSCSI at all closes the connection without harm', async () => {
    const kit = await bench();
    const initiator = await kit.connect();
    initiator.socket.write(`GET / HTTP/1.1\r\nHost: example\r\n${'x'.repeat(4096)}`);
    expect(await initiator.next()).toBe(null);
    expect((await (await kit.login()).run(read)).status).toBe(0);
  });

  test('must reach full feature phase within login_timeout', async () => {
    const kit = await bench({ attributes: { login_timeout: 7 } });
    const initiator = await kit.connect();
    initiator.socket.write(Buffer.from([0x43]));
    await new Promise((resolve) => setImmediate(resolve));
    while (kit.served.clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
    kit.served.clock.pass(6_999);
    expect(kit.served.closeReasons).toEqual([]);
    kit.served.clock.pass(1);
    await initiator.closed;
    expect(kit.served.closeReasons).toEqual(['login not finished within 7 seconds']);
  });

  test('a logged-in session is not ended by the login timeout', async () => {
    const kit = await bench();
    const initiator = await kit.login();
    kit.served.clock.pass(14_000);
    expect((await initiator.run(read)).status).toBe(0);
  });

  test('a portal takes no more than MAX_LOGINS_PER_PORTAL unfinished logins', async () => {
    const kit = await bench();
    const logged = await kit.login();
    const waiting = [];
    for (let i = 0; i < MAX_LOGINS_PER_PORTAL; i++) waiting.push(await kit.connect());
    const refused = await kit.connect();
    await refused.closed;
    expect((await logged.run(read)).status).toBe(0);
    waiting[0]!.destroy();
    await waiting[0]!.closed;
    while (kit.served.sessions.logins('127.0.0.1:3260') >= MAX_LOGINS_PER_PORTAL) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await (await kit.login({}, { isid: '00023d00000a' })).run(read)).status).toBe(0);
  });

  test('the login may come one byte at a time', async () => {
    const kit = await bench();
    const initiator = await kit.connect();
    const bytes = initiator.wire(initiator.loginHeader(), textOf(NORMAL_KEYS));
    for (const byte of bytes) {
      initiator.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(statusOf(await initiator.expect(OP.LOGIN_RESPONSE))).toBe(0);
  });
});

describe('session table', () => {
  test('TSIH is never 0 and never one in use', async () => {
    const kit = await bench();
    const one = await kit.login({}, { isid: '00023d000001' });
    const two = await kit.login({}, { isid: '00023d000002' });
    expect(one.tsih).not.toBe(0);
    expect(two.tsih).not.toBe(one.tsih);
    expect([...kit.served.sessions].map((session) => session.tsih)).toEqual([one.tsih, two.tsih]);
  });

  test('the same ISID with TSIH 0 reinstates; the old commands end first', async () => {
    const kit = await bench();
    const tasks: ScsiTask[] = [];
    kit.device.behaviour = (task) => tasks.push(task);
    kit.device.stubborn = true;
    const old = await kit.login();
    old.scsi(read);
    while (tasks.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const next = await kit.connect();
    const login = next.login({ keys: NORMAL_KEYS });
    await old.closed;
    let answered = false;
    void login.then(() => (answered = true));
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    // The old command may still write: the new session must not begin before it stopped.
    expect(answered).toBe(false);
    kit.device.release();
    expect(statusOf(await login)).toBe(0);
    expect(kit.served.sessions.size).toBe(1);
    expect(kit.served.closed.length).toBe(1);
  });

  test('the old commands are waited for no longer than SETTLE_WITHIN_SECONDS', async () => {
    const kit = await bench();
    const tasks: ScsiTask[] = [];
    kit.device.behaviour = (task) => tasks.push(task);
    kit.device.stubborn = true;
    const old = await kit.login();
    old.scsi(read);
    while (tasks.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const next = await kit.connect();
    const login = next.login({ keys: NORMAL_KEYS });
    await old.closed;
    kit.served.clock.pass(SETTLE_WITHIN_SECONDS * 1000);
    expect(statusOf(await login)).toBe(0);
    // What ends later disturbs nothing.
    kit.device.release();
    kit.served.clock.pass(10_000);
    next.nopOut();
    expect((await next.expect(OP.NOP_IN)).ttt).toBe(RESERVED);
    expect(kit.served.sessions.size).toBe(1);
  });

  test('a login that is refused leaves the session of the same ISID alone', async () => {
    const user = {
      userid: 'user',
      password: 'secret-of-user',
      mutual_userid: '',
      mutual_password: '',
    };
    const kit = await bench({ acls: [aclOf(user, { authentication: 1 })] });
    const open = await bench({ acls: [aclOf()] });
    const victim = await open.login();
    open.served.directory = kit.served.directory;
    const attacker = await open.connect();
    const answer = await attacker.login({ keys: { ...NORMAL_KEYS, AuthMethod: 'None' } });
    expect(statusOf(answer)).not.toBe(0);
    expect((await victim.run(read)).status).toBe(0);
    expect(open.served.refused.length).toBe(1);
    expect(open.served.refused[0]!.address).toBe('127.0.0.1');
  });

  test('an unknown TSIH is refused with 0x020a, a second CID with 0x0206', async () => {
    const kit = await bench();
    const first = await kit.login();
    const stranger = await kit.connect();
    const unknown = await stranger.login({ keys: NORMAL_KEYS, tsih: first.tsih + 1 });
    expect(statusOf(unknown)).toBe(0x020a);
    const other = await kit.connect();
    const foreign = { keys: NORMAL_KEYS, tsih: first.tsih, isid: '00023d0000ff' };
    expect(statusOf(await other.login(foreign))).toBe(0x020a);
    const second = await kit.connect();
    const join = { keys: NORMAL_KEYS, tsih: first.tsih, cid: 1 };
    expect(statusOf(await second.login(join))).toBe(0x0206);
    expect((await first.run(read)).status).toBe(0);
  });

  test('the same TSIH and CID reinstates the connection; session and window go on', async () => {
    const kit = await bench();
    const first = await kit.login();
    await first.run(read);
    const again = await kit.connect();
    again.cmdSN = first.cmdSN;
    const answer = await again.login({ keys: NORMAL_KEYS, tsih: first.tsih });
    expect(statusOf(answer)).toBe(0);
    await first.closed;
    expect(again.tsih).toBe(first.tsih);
    expect((await again.run(read)).last.expCmdSN).toBe(first.cmdSN + 1);
    expect(kit.served.closed.length).toBe(0);
  });

  test('a connection that is lost ends the session and aborts its commands', async () => {
    const kit = await bench();
    const tasks: ScsiTask[] = [];
    kit.device.behaviour = (task) => tasks.push(task);
    const initiator = await kit.login();
    initiator.scsi(read);
    while (tasks.length === 0) await new Promise((resolve) => setImmediate(resolve));
    initiator.destroy();
    while (kit.served.sessions.size > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(tasks[0]!.aborted).toBe(true);
    expect(kit.device.submitted).toEqual([]);
    expect(kit.served.closed).toEqual(kit.served.opened);
  });

  test('info names initiator, portal, keys and state', async () => {
    const kit = await bench();
    await kit.login({ HeaderDigest: 'CRC32C' });
    const [session] = kit.served.sessions;
    const info = session!.info();
    expect(info).toMatchObject({ type: 'Normal', state: 'LOGGED_IN', dynamic: true, sid: 1 });
    expect(info.connections[0]).toMatchObject({ state: 'LOGGED_IN', transport: 'TCP' });
    expect(info.parameters['HeaderDigest']).toBe('CRC32C');
  });
});

describe('logout', () => {
  test.each([0, 1])('with reason %i is answered, then the connection closes', async (reason) => {
    const kit = await bench();
    const initiator = await kit.login();
    const itt = initiator.logout({ reason });
    const answer = await initiator.expect(OP.LOGOUT_RESPONSE);
    expect([answer.itt, answer.response]).toEqual([itt, 0]);
    expect(answer.bhs.readUInt16BE(40)).toBe(2);
    expect(await initiator.next()).toBe(null);
    expect(kit.served.sessions.size).toBe(0);
  });

  test.each([
    ['recovery at level 0', { reason: 2 }, 2],
    ['an unknown CID', { reason: 1, cid: 9 }, 1],
  ])('for %s is refused, the session lives', async (_name, options, response) => {
    const initiator = await (await bench()).login();
    initiator.logout(options);
    expect((await initiator.expect(OP.LOGOUT_RESPONSE)).response).toBe(response);
    expect((await initiator.run(read)).status).toBe(0);
  });

  test('numbered waits for commands before it, and nothing follows its response', async () => {
    const kit = await bench();
    const tasks: ScsiTask[] = [];
    kit.device.behaviour = (task) => tasks.push(task);
    const initiator = await kit.login();
    const itt = initiator.scsi(read);
    initiator.logout();
    initiator.nopOut();
    expect((await initiator.expect(OP.REJECT)).response).toBe(0x0c);
    kit.device.complete(tasks[0]!);
    expect((await initiator.expect(OP.SCSI_RESPONSE)).itt).toBe(itt);
    await initiator.expect(OP.LOGOUT_RESPONSE);
    expect(await initiator.next()).toBe(null);
  });

  test('immediate aborts the commands in progress', async () => {
    const kit = await bench();
    const tasks: ScsiTask[] = [];
    kit.device.behaviour = (task) => tasks.push(task);
    const initiator = await kit.login();
    initiator.scsi(read);
    initiator.logout({ immediate: true });
    expect((await initiator.expect(OP.LOGOUT_RESPONSE)).response).toBe(0);
    expect(kit.device.submitted).toEqual([]);
  });

  test('does not wait for ever: commands are aborted after 5 seconds', async () => {
    const kit = await bench();
    kit.device.behaviour = () => {};
    const initiator = await kit.login();
    initiator.scsi(read);
    initiator.logout();
    initiator.nopOut();
    await initiator.expect(OP.REJECT);
    kit.served.clock.pass(5_000);
    expect((await initiator.expect(OP.LOGOUT_RESPONSE)).response).toBe(0);
  });
});

describe('discovery session', () => {
  test('takes Text and Logout with reason 0 and rejects the rest', async () => {
    const kit = await bench();
    const initiator = await kit.connect();
    await initiator.login({ keys: DISCOVERY });
    initiator.scsi(read);
    expect((await initiator.expect(OP.REJECT)).response).toBe(0x04);
    initiator.text({ SendTargets: 'All' });
    const text = await initiator.expect(OP.TEXT_RESPONSE);
    expect(text.data.toString()).toContain('TargetName=');
    initiator.logout({ reason: 1 });
    expect((await initiator.expect(OP.REJECT)).response).toBe(0x09);
    initiator.logout();
    expect((await initiator.expect(OP.LOGOUT_RESPONSE)).response).toBe(0);
  });
});

describe('NOP', () => {
  test('an answer echoes the data, cut to what the initiator receives', async () => {
    const initiator = await (await bench()).login({ MaxRecvDataSegmentLength: '512' });
    const itt = initiator.nopOut({ data: patternOf(513), immediate: false });
    const answer = await initiator.expect(OP.NOP_IN);
    expect([answer.itt, answer.ttt]).toEqual([itt, RESERVED]);
    expect(answer.data.equals(patternOf(512))).toBe(true);
  });

  test('silence brings a ping with a tag; an answer keeps the connection', async () => {
    const kit = await bench({
      acls: [aclOf(undefined, { nopin_timeout: 10, nopin_response_timeout: 5 })],
    });
    const initiator = await kit.login();
    const statSN = initiator.expStatSN;
    kit.served.clock.pass(10_000);
    const ping = await initiator.expect(OP.NOP_IN);
    expect(ping.itt).toBe(RESERVED);
    expect(ping.ttt).not.toBe(RESERVED);
    expect(ping.statSN).toBe(statSN);
    initiator.nopOut({ itt: RESERVED, ttt: ping.ttt });
    // The next response shows that the ping used up no StatSN, and that the answer came.
    initiator.expStatSN = statSN;
    expect((await initiator.run(read)).last.statSN).toBe(statSN);
    kit.served.clock.pass(5_000);
    expect(kit.served.closeReasons).toEqual([]);
  });

  test('a ping without an answer drops the connection', async () => {
    const kit = await bench({
      acls: [aclOf(undefined, { nopin_timeout: 10, nopin_response_timeout: 5 })],
    });
    const initiator = await kit.login();
    kit.served.clock.pass(14_999);
    expect(kit.served.closeReasons).toEqual([]);
    kit.served.clock.pass(1);
    await initiator.closed;
    expect(kit.served.closeReasons).toEqual(['no answer to NOP-In within 5 seconds']);
    expect(kit.served.sessions.size).toBe(0);
  });

  test('nopin_timeout 0 sends none', async () => {
    const kit = await bench({ acls: [aclOf(undefined, { nopin_timeout: 0 })] });
    const initiator = await kit.login();
    kit.served.clock.pass(600_000);
    expect((await initiator.run(read)).last.opcode).toBe(OP.DATA_IN);
  });
});

describe('Data-Out timeout', () => {
  test('data that never comes ends the connection after timeout times retries', async () => {
    const acl = aclOf(undefined, {
      dataout_timeout: 2,
      dataout_timeout_retries: 3,
      nopin_timeout: 0,
    });
    const kit = await bench({ acls: [acl] });
    const initiator = await kit.login({ ImmediateData: 'No' });
    initiator.scsi({ write: true, edtl: 512, cdb: cdbOf(512) });
    await initiator.expect(OP.R2T);
    kit.served.clock.pass(6_000);
    expect(kit.served.closeReasons).toEqual([]);
    kit.served.clock.pass(2_000);
    await initiator.closed;
    expect(kit.served.closeReasons).toEqual(['no Data-Out within 6 seconds']);
  });

  test('data that trickles in keeps it', async () => {
    const acl = aclOf(undefined, {
      dataout_timeout: 2,
      dataout_timeout_retries: 1,
      nopin_timeout: 0,
    });
    const kit = await bench({ acls: [acl] });
    const initiator = await kit.login({ ImmediateData: 'No' });
    const itt = initiator.scsi({ write: true, edtl: 40, cdb: cdbOf(40) });
    const { ttt } = await initiator.expect(OP.R2T);
    for (let i = 0; i < 10; i++) {
      const last = i === 9;
      initiator.dataOut({ itt, ttt, dataSN: i, offset: 4 * i, data: patternOf(4), final: last });
      if (last) break;
      initiator.nopOut();
      await initiator.expect(OP.NOP_IN);
      kit.served.clock.pass(2_000);
    }
    expect((await initiator.finish(itt)).status).toBe(0);
    expect(kit.served.closeReasons).toEqual([]);
  });
});

describe('digests', () => {
  const BOTH = { HeaderDigest: 'CRC32C', DataDigest: 'CRC32C' };

  test.each([
    ['both', BOTH],
    ['header only', { HeaderDigest: 'CRC32C' }],
    ['data only', { DataDigest: 'CRC32C' }],
  ])('%s: reads, writes with odd lengths, status in Data-In', async (_name, keys) => {
    const kit = await bench();
    const initiator = await kit.login({ ...keys, MaxRecvDataSegmentLength: '65536' });
    for (const length of [1, 511, 4099, 70_001]) {
      const payload = patternOf(length);
      const done = await initiator.run({ read: true, edtl: length, cdb: cdbOf(length) });
      expect(done.data.equals(payload)).toBe(true);
      expect(done.last.opcode).toBe(OP.DATA_IN);
      const write = { write: true, edtl: length, cdb: cdbOf(length) };
      const half = payload.subarray(0, length >> 1);
      expect((await initiator.run({ ...write, data: half, payload })).status).toBe(0);
      expect(kit.written.pop()!.equals(payload)).toBe(true);
    }
  });

  test('a wrong header digest closes the connection', async () => {
    const kit = await bench();
    const initiator = await kit.login(BOTH);
    const { bhs } = initiator.scsiHeader(read);
    const wire = initiator.wire(bhs);
    wire[50]! ^= 1;
    initiator.socket.write(wire);
    expect(await initiator.next()).toBe(null);
    expect(kit.served.closeReasons[0]).toContain('header digest error');
    expect(kit.device.submitted).toEqual([]);
  });

  test('a wrong data digest of a command: Reject 0x02, not executed, ExpCmdSN stays', async () => {
    const kit = await bench();
    const initiator = await kit.login(BOTH);
    const cmdSN = initiator.cmdSN;
    const { bhs } = initiator.scsiHeader({ write: true, edtl: 8, cdb: cdbOf(8) });
    const wire = initiator.wire(bhs, patternOf(8));
    wire[wire.length - 1]! ^= 1;
    initiator.socket.write(wire);
    const reject = await initiator.expect(OP.REJECT);
    expect([reject.response, reject.expCmdSN]).toEqual([0x02, cmdSN]);
    expect(reject.data.equals(bhs)).toBe(true);
    expect(kit.written).toEqual([]);
    // The initiator sends it again.
    initiator.cmdSN = cmdSN;
    const write = { write: true, edtl: 8, cdb: cdbOf(8), data: patternOf(8) };
    expect((await initiator.run(write)).status).toBe(0);
  });

  test('a wrong data digest of solicited data: Reject 0x02, then 47/05 after F', async () => {
    const kit = await bench();
    const initiator = await kit.login({ ...BOTH, ImmediateData: 'No' });
    const itt = initiator.scsi({ write: true, edtl: 8, cdb: cdbOf(8) });
    const { ttt } = await initiator.expect(OP.R2T);
    const bhs = Buffer.alloc(48);
    bhs[0] = OP.DATA_OUT;
    bhs[1] = 0x80;
    bhs.writeUInt32BE(itt, 16);
    bhs.writeUInt32BE(ttt, 20);
    const wire = initiator.wire(bhs, patternOf(8));
    wire[wire.length - 1]! ^= 1;
    initiator.socket.write(wire);
    expect((await initiator.expect(OP.REJECT)).response).toBe(0x02);
    const done = await initiator.finish(itt);
    expect([done.status, done.sense]).toEqual([2, '0b/47/05']);
    expect(kit.written).toEqual([]);
  });

  test('the digest helper of this test knows the published value', () => {
    expect(digestOf(Buffer.alloc(32)).toString('hex')).toBe('aa36918a');
  });
});

describe('stop', () => {
  test('asks every session to log out and drops those that stay', async () => {
    const kit = await bench();
    const leaving = await kit.login({}, { isid: '00023d000001' });
    const staying = await kit.login({}, { isid: '00023d000002' });
    const discovery = await kit.connect();
    const stopped = kit.served.sessions.close(3_000);
    await discovery.closed;
    const asked = await leaving.expect(OP.ASYNC);
    expect([asked.bhs[36], asked.bhs.readUInt16BE(42)]).toEqual([1, 3]);
    leaving.logout();
    await leaving.expect(OP.LOGOUT_RESPONSE);
    await leaving.closed;
    await staying.expect(OP.ASYNC);
    kit.served.clock.pass(3_000);
    expect((await staying.expect(OP.ASYNC)).bhs[36]).toBe(3);
    await stopped;
    const late = await kit.connect();
    await late.closed;
  });
});
