import { describe, expect, test } from 'vitest';
import type { AluaGroup } from '../../../../src/objects/document.ts';
import type { ItNexus } from '../../../../src/target/scsi/nexus.ts';
import {
  MAX_REPORTED_PORTS,
  reportTargetPortGroups,
} from '../../../../src/target/scsi/target_port_groups.ts';
import { COMMANDS } from '../../../../src/target/scsi/command_table.ts';
import { nexusOn, PORT, run, unit } from './bench.ts';

const group = (id: number, attributes: AluaGroup['attributes'] = {}): AluaGroup => ({
  tg_pt_gp_id: id,
  attributes,
});
const port = (relativePortId: number, name = PORT.name) => ({
  name,
  tpgTag: relativePortId,
  relativePortId,
});

/** REPORT TARGET PORT GROUPS. */
const report = (nexus: ItNexus, { format = 0, length = 4096 } = {}) => {
  const cdb = Buffer.alloc(12);
  cdb[0] = 0xa3;
  cdb[1] = (format << 5) | 0x0a;
  cdb.writeUInt32BE(length, 6);
  return run(nexus, cdb, { inLength: length });
};
const tpgsOf = async (nexus: ItNexus) => {
  const { dataIn } = await run(nexus, [0x12, 0, 0, 0, 96, 0], { inLength: 96 });
  return ((dataIn[5] ?? 0) >>> 4) & 3;
};
/** Values of the designators of VPD page 83h of that type. */
const designators = async (nexus: ItNexus, type: number) => {
  const { dataIn } = await run(nexus, [0x12, 1, 0x83, 4, 0, 0], { inLength: 1024 });
  const found: string[] = [];
  for (let at = 4; at < dataIn.length; at += 4 + (dataIn[at + 3] ?? 0)) {
    if (((dataIn[at + 1] ?? 0) & 0xf) !== type) continue;
    found.push(dataIn.toString('hex', at + 4, at + 4 + (dataIn[at + 3] ?? 0)));
  }
  return found;
};
/** REPORT SUPPORTED OPERATION CODES of one service action: SUPPORT. */
const supported = async (nexus: ItNexus, opcode: number) => {
  const cdb = [0xa3, 0x0c, 2, opcode, 0, 0x0a, 0, 0, 0, 255, 0, 0];
  return (await run(nexus, cdb, { inLength: 255 })).dataIn[1];
};

describe('REPORT TARGET PORT GROUPS', () => {
  const alua = {
    left: group(7, { preferred: true, alua_access_state: 1, alua_access_status: 1 }),
    right: group(5, {
      alua_access_state: 3,
      alua_access_status: 2,
      alua_support_offline: false,
      alua_support_transitioning: false,
      alua_support_active_nonoptimized: false,
    }),
    empty: group(9),
  };
  const members = [
    { port: port(3), group: 'left' },
    { port: port(2), group: 'left' },
    { port: port(4), group: 'right' },
  ];

  test('lists each group that has ports, in the order of their numbers', async () => {
    const { lu } = unit({ alua, members });
    const { dataIn, outcome } = await report(nexusOn({ 0: lu }));
    expect(outcome).toBe('good');
    expect(dataIn.toString('hex')).toBe(
      '0000001c' + // return data length
        '030d000500020001' + // unavailable; U, S, AO; group 5, implicit, one port
        '00000004' +
        '81cf000700010002' + // preferred, active/non-optimized; all but LBA dependent
        '0000000200000003',
    );
  });

  test('the extended header tells the time of a transition', async () => {
    const { lu } = unit({ alua: { default_tg_pt_gp: group(0, { implicit_trans_secs: 17 }) } });
    const { dataIn } = await report(nexusOn({ 0: lu }), { format: 1 });
    expect(dataIn.toString('hex')).toBe('0000000410110000');
    expect((await report(nexusOn({ 0: lu }), { format: 2 })).outcome).toBe('05/24/00');
  });

  test('is cut to the allocation length, and says how much there is', async () => {
    const { lu } = unit({ alua, members });
    for (const length of [0, 3, 4, 17]) {
      const { dataIn, outcome } = await report(nexusOn({ 0: lu }), { length });
      expect([outcome, dataIn.length]).toEqual(['good', length]);
      if (length >= 4) expect(dataIn.readUInt32BE(0)).toBe(0x1c);
    }
  });

  test('ports of another target are none of this SCSI device; their group is listed', async () => {
    const elsewhere = { port: port(3, 'iqn.2003-01.example:other'), group: 'right' };
    const { lu } = unit({ alua, members: [{ port: port(3) }, elsewhere] });
    const { dataIn } = await report(nexusOn({ 0: lu }));
    expect(dataIn.toString('hex', 4)).toBe('00cf00000000000100000003' + '030d000500020000');
  });

  test('a group has no more ports than its count can say', async () => {
    const many = Array.from({ length: 300 }, (_, at) => ({ port: port(at + 1) }));
    const { lu } = unit({ members: many });
    const { dataIn } = await report(nexusOn({ 0: lu }));
    expect(dataIn[11]).toBe(MAX_REPORTED_PORTS);
    expect(dataIn.length).toBe(12 + 4 * MAX_REPORTED_PORTS);
  });

  test('a LUN of a group that is not there counts as one of the default group', async () => {
    const { lu } = unit({ members: [{ port: port(3), group: 'gone' }] });
    const { dataIn } = await report(nexusOn({ 0: lu }));
    expect(dataIn.toString('hex', 4)).toBe('00cf00000000000100000003');
  });
});

describe('what alua_access_type announces', () => {
  const typed = (type: number) => {
    const { lu } = unit({ alua: { g: group(6, { alua_access_type: type }) } });
    return nexusOn({ 0: lu }, { group: 'g' });
  };

  test.each([
    [0, [], '05/20/00', 1, 1],
    [1, ['00000006'], 'good', 3, 1],
    [2, ['00000006'], 'good', 3, 3],
    [3, ['00000006'], 'good', 3, 3],
  ])('%i: INQUIRY, page 83h and the commands agree', async (type, ids, outcome, rtpg, stpg) => {
    const nexus = typed(type);
    expect(await tpgsOf(nexus)).toBe(type);
    expect(await designators(nexus, 5)).toEqual(ids);
    expect((await report(nexus)).outcome).toBe(outcome);
    expect(await supported(nexus, 0xa3)).toBe(rtpg);
    expect(await supported(nexus, 0xa4)).toBe(stpg);
  });

  test('the row of the table is the one that runs', () => {
    const row = COMMANDS.find(
      ({ opcode, serviceAction }) => opcode === 0xa3 && serviceAction === 10,
    );
    expect(row?.run).toBe(reportTargetPortGroups);
  });

  test('where no logical unit is, no groups are announced', async () => {
    expect(await tpgsOf(nexusOn({}))).toBe(0);
  });
});
