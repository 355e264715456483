/**
 * The iSCSI layer behind a real portal of 127.0.0.1, with a scripted device instead of the SCSI
 * layer and a clock that tests turn themselves.
 */
import { ItNexus } from '../../src/target/scsi/nexus.ts';
import type { ScsiTask } from '../../src/target/scsi/scsi_task.ts';
import type { TaskManagementDone } from '../../src/target/scsi/task_management.ts';
import { acceptConnection } from '../../src/target/iscsi/accept.ts';
import type { TargetDirectory } from '../../src/target/iscsi/directory.ts';
import type { IscsiHost, RefusedLogin } from '../../src/target/iscsi/iscsi_host.ts';
import type { ScsiServices } from '../../src/target/iscsi/scsi_services.ts';
import type { Session } from '../../src/target/iscsi/session.ts';
import { SessionTable } from '../../src/target/iscsi/session_table.ts';
import { Portal } from '../../src/target/transport/portal.ts';
import type { Clock, Timer } from '../../src/util/clock.ts';
import { createLog, type LogRecord } from '../../src/util/log.ts';

/** Time that stands still until `pass`. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #timers: { atMs: number; run: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, run };
    this.#timers.push(timer);
    return { cancel: () => (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  pass(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const due = this.#timers
        .filter((timer) => timer.atMs <= endMs)
        .sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#nowMs = due.atMs;
      due.run();
    }
    this.#nowMs = endMs;
  }

  get pending(): number {
    return this.#timers.length;
  }
}

/** What the scripted device does with a command. */
export type Behaviour = (task: ScsiTask) => void;

/** Aborts as the device server does: marks, stops the data, and waits for `complete`. */
export class ScriptedDevice implements ScsiServices {
  behaviour: Behaviour;
  readonly submitted: ScsiTask[] = [];
  readonly calls: string[] = [];
  /** Tasks that abort only when the test lets them: `release`. */
  stubborn = false;
  readonly #held: { task: ScsiTask; done: () => void }[] = [];

  constructor(behaviour: Behaviour) {
    this.behaviour = behaviour;
  }

  readonly submit = (task: ScsiTask): void => {
    this.submitted.push(task);
    this.behaviour(task);
  };
  readonly abortTask = (task: ScsiTask, done: TaskManagementDone): void => {
    this.calls.push('abortTask');
    this.#stop([task], done);
  };
  readonly abortTaskSet = (_nexus: ItNexus, lun: number, done: TaskManagementDone): void => {
    this.calls.push(`abortTaskSet ${lun}`);
    this.#stop(this.#onLun(lun), done);
  };
  readonly clearTaskSet = (_nexus: ItNexus, lun: number, done: TaskManagementDone): void => {
    this.calls.push(`clearTaskSet ${lun}`);
    this.#stop(this.#onLun(lun), done);
  };
  readonly logicalUnitReset = (_nexus: ItNexus, lun: number, done: TaskManagementDone): void => {
    this.calls.push(`logicalUnitReset ${lun}`);
    if (lun !== 0) return done('lunNotFound');
    return this.#stop(this.#onLun(lun), done);
  };
  readonly targetReset = (_nexus: ItNexus, done: TaskManagementDone): void => {
    this.calls.push('targetReset');
    this.#stop([...this.submitted], done);
  };

  /** The storage of stubborn tasks has finished. */
  release(): void {
    for (const { task, done } of this.#held.splice(0)) {
      this.#over(task);
      done();
    }
  }

  complete(task: ScsiTask, status = 0): void {
    task.status = status;
    this.#over(task);
  }

  #over(task: ScsiTask): void {
    const at = this.submitted.indexOf(task);
    if (at >= 0) this.submitted.splice(at, 1);
    task.complete();
  }

  #onLun(lun: number): ScsiTask[] {
    return this.submitted.filter((task) => task.lun === lun);
  }

  #stop(tasks: ScsiTask[], done: TaskManagementDone): void {
    const live = tasks.filter((task) => this.submitted.includes(task));
    if (tasks.length === 1 && live.length === 0) return done('taskNotFound');
    let left = live.length + 1;
    const one = (): void => {
      if (--left === 0) done('complete');
    };
    for (const task of live) {
      task.aborted = true;
      task.stopData();
      if (!this.submitted.includes(task)) one();
      else if (this.stubborn) this.#held.push({ task, done: one });
      else {
        this.#over(task);
        one();
      }
    }
    one();
  }
}

/** Reads give bytes 0, 1, 2 … 250, 0 …; writes are kept in `written`. Length: CDB bytes 10-13. */
export function patternDevice(written: Buffer[] = []): ScriptedDevice {
  const device: ScriptedDevice = new ScriptedDevice((task) => {
    const wanted = task.cdb.readUInt32BE(10);
    if (task.dataOutExpected > 0) {
      task.dataOutLength = wanted;
      const into = Buffer.alloc(Math.min(wanted, task.dataOutExpected));
      task.receiveDataOut(into, 0, (ok) => {
        if (ok) {
          written.push(into);
          task.status = 0;
        }
        device.complete(task, task.status);
      });
      return;
    }
    task.dataInLength = wanted;
    if (wanted > 0) task.sendDataIn(patternOf(wanted), 0, () => {});
    device.complete(task);
  });
  return device;
}

export function patternOf(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, at) => at % 251));
}

/** A CDB of the pattern device. */
export function cdbOf(length: number): Buffer {
  const cdb = Buffer.alloc(16);
  cdb.writeUInt32BE(length, 10);
  return cdb;
}

export class Served implements IscsiHost {
  readonly clock = new FakeClock();
  readonly records: LogRecord[] = [];
  readonly log = createLog((record) => this.records.push(record), 'iscsi', 'debug');
  readonly opened: Session[] = [];
  readonly closed: Session[] = [];
  readonly refused: RefusedLogin[] = [];
  readonly sessions: SessionTable;
  readonly device: ScriptedDevice;
  directory: TargetDirectory;
  /** Whether the portal serves iSER as well as TCP. */
  iser = false;
  #portal: Portal | undefined;

  constructor(directory: TargetDirectory, device: ScriptedDevice) {
    this.directory = directory;
    this.device = device;
    this.sessions = new SessionTable(this, device);
  }

  /** `portalKey`: what the configuration calls the portal. */
  async listen(portalKey: string): Promise<number> {
    this.#portal = new Portal({
      address: '127.0.0.1',
      port: 0,
      log: this.log,
      onSocket: (socket) =>
        acceptConnection(socket, {
          portal: portalKey,
          sessions: this.sessions,
          iser: () => this.iser,
        }),
    });
    await this.#portal.listen();
    return this.#portal.port;
  }

  async stop(): Promise<void> {
    await this.#portal?.close();
    await this.sessions.close(0);
  }

  openNexus(): ItNexus {
    return new ItNexus({
      initiatorPort: 'iqn.1993-08.org.debian:01:test,i,0x00023d000001',
      targetPort: { name: 'iqn.2003-01.org.example:t', tpgTag: 1, relativePortId: 1 },
    });
  }
  sessionOpened(session: Session): void {
    this.opened.push(session);
  }
  sessionClosed(session: Session): void {
    this.closed.push(session);
  }
  loginRefused(event: RefusedLogin): void {
    this.refused.push(event);
  }

  /** Reasons in the log why connections closed. */
  get closeReasons(): readonly string[] {
    return this.records
      .filter(({ message }) => message === 'connection closed')
      .map(({ fields }) => String(fields['reason']));
  }
}
