/**
 * Linux's initiator and its handler of asymmetric access (scsi_dh_alua), sg_rtpg and sg_stpg, on
 * one LUN over two TPGs in two groups. The guest asks the host for changes, made by the shell.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/free_port.ts';
import { LunsmithProcess } from '../support/lunsmith_process.ts';
import { unless } from '../support/unless.ts';
import { BUILD_MS, runInGuest, STANDARD_IMAGE, whyNoGuest, type GuestResult } from './lab_guest.ts';

const GUEST_SECONDS = 300;
/** The host's 127.0.0.1 as QEMU's user network shows it to the guest. */
const HOST_IN_GUEST = '10.0.2.2';
const STEPS_AT_LEAST = 43;
const ALUA = '/backstores/fileio/paths/alua';
const LEFT = `${ALUA}/left set alua`;

const CHANGES: Readonly<Record<string, readonly string[]>> = {
  'left-standby': [`${LEFT} alua_access_state=2`],
  'left-active': [`${LEFT} alua_access_state=0`],
  'right-preferred': [`${ALUA}/right set alua preferred=1`],
  'left-slow': [`${LEFT} alua_access_state=1 nonop_delay_msecs=400`],
  'left-unavailable': [`${LEFT} alua_access_state=3`],
  'expect-left-standby': [`${ALUA}/left get alua alua_access_state`],
  'left-active-slowly': [`${LEFT} trans_delay_msecs=1500`, `${LEFT} alua_access_state=0`],
  'implicit-only': [`${LEFT} alua_access_type=1`],
};
/** What the answer of the shell must hold. */
const EXPECTED: Readonly<Record<string, string>> = {
  'expect-left-standby': 'alua_access_state=2',
};

/** One line is the name of a change; the answer comes when the shell has made it. */
function hostFor(served: LunsmithProcess): Server {
  const answer = async (name: string): Promise<string> => {
    const lines = CHANGES[name];
    if (lines === undefined) return `no change is called ${name}`;
    const said = await served.configure(...lines);
    return said.includes(EXPECTED[name] ?? '') ? 'ok' : said.replaceAll('\n', ' ');
  };
  return createServer((socket: Socket) => {
    socket.on('error', () => {});
    createInterface(socket).on('line', (name) => {
      void answer(name)
        .catch((error: unknown) => `${error}`.replaceAll('\n', ' '))
        .then((text) => socket.write(`${text}\n`));
    });
  });
}

const missing = whyNoGuest('LUNSMITH_LAB', 'npm run test:lab');
if (missing === undefined) describe('target port groups, as Linux sees them', pathSteps);
else test('target port groups, as Linux sees them', unless(missing), () => {});

function pathSteps(): void {
  const served = new LunsmithProcess();
  let host: Server;
  let guest: GuestResult;

  beforeAll(
    async () => {
      await served.start();
      const lun = await served.createLun('paths', 64);
      const rightPort = await freePort();
      const target = `/iscsi/${lun.target}`;
      await served.configure(
        `${ALUA} create left 1`,
        `${ALUA} create right 2`,
        `${target} create 2`,
        `${target}/tpg2/luns create /backstores/fileio/paths`,
        `${target}/tpg2/portals create 127.0.0.1 ${rightPort}`,
        `${target}/tpg2 set attribute authentication=0 generate_node_acls=1`,
        `${target}/tpg2 set attribute demo_mode_write_protect=0`,
        `${target}/tpg1/luns/lun0 set alua alua_tg_pt_gp_name=left`,
        `${target}/tpg2/luns/lun0 set alua alua_tg_pt_gp_name=right`,
        `${target}/tpg2 enable`,
      );
      host = hostFor(served);
      await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
      guest = await runInGuest({
        script: 'alua.sh',
        seconds: GUEST_SECONDS,
        image: STANDARD_IMAGE,
        lab: {},
        env: {
          HOST: HOST_IN_GUEST,
          CONTROL: String((host.address() as AddressInfo).port),
          TARGET: lun.target,
          INITIATOR: 'iqn.2026-01.net.example:paths',
          LEFT_PORT: String(lun.port),
          RIGHT_PORT: String(rightPort),
        },
      });
      for (const [step, result] of guest.results) console.log(`${result} ${step}`);
    },
    BUILD_MS + (GUEST_SECONDS + 120) * 1000,
  );
  afterAll(async () => {
    host?.close();
    await served.stop();
  });

  test('states, delays, preference and explicit changes are as the shell and sysfs say', () => {
    const bad = [...guest.results].filter(([, result]) => result !== 'PASS');
    expect(bad, guest.output).toEqual([]);
    expect(guest.results.size, guest.output).toBeGreaterThanOrEqual(STEPS_AT_LEAST);
    expect(guest.status, guest.output).toBe(0);
  });
}
