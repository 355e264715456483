/** A served target with one TPG in demo mode, and initiators logged in to it. */
import { afterEach } from 'vitest';
import { INITIATOR, PORTAL, TARGET, directoryOf, tpgOf, type TpgOptions } from './login_kit.ts';
import { Initiator, type LoginOptions } from '../../../loopback/initiator.ts';
import { patternDevice, Served, type ScriptedDevice } from '../../../loopback/served.ts';

export const NORMAL_KEYS = { InitiatorName: INITIATOR, TargetName: TARGET, SessionType: 'Normal' };

const running: { stop: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const { stop } of running.splice(0)) await stop();
});

export interface Bench {
  readonly served: Served;
  readonly device: ScriptedDevice;
  readonly written: Buffer[];
  readonly port: number;
  connect(): Promise<Initiator>;
  /** Connected and in full feature phase. */
  login(keys?: Readonly<Record<string, string>>, options?: LoginOptions): Promise<Initiator>;
}

export async function bench(options: TpgOptions = {}, given?: ScriptedDevice): Promise<Bench> {
  const written: Buffer[] = [];
  const device = given ?? patternDevice(written);
  const served = new Served(directoryOf([tpgOf(options)]), device);
  const port = await served.listen(PORTAL);
  const initiators: Initiator[] = [];
  running.push({
    stop: async () => {
      for (const initiator of initiators) initiator.destroy();
      device.release();
      await served.stop();
    },
  });
  const connect = async (): Promise<Initiator> => {
    const initiator = await Initiator.open(port);
    initiators.push(initiator);
    return initiator;
  };
  const login = async (keys = {}, login: LoginOptions = {}): Promise<Initiator> => {
    const initiator = await connect();
    const answer = await initiator.login({ keys: { ...NORMAL_KEYS, ...keys }, ...login });
    if (answer.bhs[36] !== 0) throw new Error(`login refused with ${answer.bhs.toString('hex')}`);
    return initiator;
  };
  return { served, device, written, port, connect, login };
}
