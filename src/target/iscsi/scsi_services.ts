/** What iSCSI asks of the SCSI layer, in one place so that tests can put a device of their own. */
import { submit } from '../scsi/device_server.ts';
import type { ItNexus } from '../scsi/nexus.ts';
import type { ScsiTask } from '../scsi/scsi_task.ts';
import {
  abortTask,
  abortTaskSet,
  clearTaskSet,
  logicalUnitReset,
  targetReset,
  type TaskManagementDone,
} from '../scsi/task_management.ts';

type OnLun = (nexus: ItNexus, lun: number, done: TaskManagementDone) => void;

export interface ScsiServices {
  readonly submit: (task: ScsiTask) => void;
  readonly abortTask: (task: ScsiTask, done: TaskManagementDone) => void;
  readonly abortTaskSet: OnLun;
  readonly clearTaskSet: OnLun;
  readonly logicalUnitReset: OnLun;
  readonly targetReset: (nexus: ItNexus, done: TaskManagementDone) => void;
}

export const SCSI_SERVICES: ScsiServices = {
  submit,
  abortTask,
  abortTaskSet,
  clearTaskSet,
  logicalUnitReset,
  targetReset,
};
