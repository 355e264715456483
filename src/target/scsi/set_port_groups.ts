/**
 * SET TARGET PORT GROUPS (SPC-4 §6.45): an initiator asks for other access states. The states are
 * part of the configuration: the command waits until that has changed, or was refused.
 */
import { ACCESS_STATE, ACCESS_TYPE, STATE_SUPPORT } from '../../objects/declarations/alua.ts';
import type { Command } from './command.ts';
import type { ItlNexus, TargetPort } from './nexus.ts';
import type { PortGroup, PortGroups, WantedState } from './port_groups.ts';
import { SENSE, STATUS } from './sense.ts';

/** A storage object has fewer groups than this has room for. */
const MAX_PARAMETER_BYTES = 4096;
const DESCRIPTOR_BYTES = 4;
const LENGTH_FIELD = 6;
const STATE_MASK = 0x0f;

type Members = ReturnType<PortGroups['members']>;

const isExplicit = ({ attributes }: PortGroup): boolean =>
  (attributes.alua_access_type & ACCESS_TYPE.EXPLICIT) !== 0;

/** Whether initiators may change states through this port. */
export function takesStates({ portGroup }: ItlNexus): boolean {
  return isExplicit(portGroup);
}

export function setTargetPortGroups(command: Command): void {
  const length = command.cdb.readUInt32BE(LENGTH_FIELD);
  if (length === 0) return command.good();
  if (length % DESCRIPTOR_BYTES !== 0 || length > MAX_PARAMETER_BYTES) {
    return command.invalidField(LENGTH_FIELD);
  }
  return command.receiveParameterList(length, (list) => {
    const { itl } = command;
    if (itl === null) return command.check(SENSE.LOGICAL_UNIT_NOT_SUPPORTED);
    if (list.length < length) return command.check(SENSE.PARAMETER_LIST_LENGTH_ERROR);
    return setStates(command, itl, list);
  });
}

function setStates(command: Command, itl: ItlNexus, list: Buffer): void {
  const { portGroups } = itl.logicalUnit;
  const members = portGroups.members();
  const { targetPort } = itl.itNexus;
  const wanted = new Map<PortGroup, number>();
  // The list begins with a header that says nothing.
  for (let at = DESCRIPTOR_BYTES; at < list.length; at += DESCRIPTOR_BYTES) {
    const state = (list[at] ?? 0) & STATE_MASK;
    const support = STATE_SUPPORT[state];
    if (support === undefined) return command.invalidParameter(at);
    const id = list.readUInt16BE(at + 2);
    const isOffline = state === ACCESS_STATE.OFFLINE;
    const group = isOffline ? groupOfPort(members, targetPort, id) : groupOfId(members, id);
    if (group === 'shared') return command.check(SENSE.SET_TARGET_PORT_GROUPS_FAILED);
    if (group === undefined || wanted.has(group)) return command.invalidParameter(at + 2);
    if (group.attributes[support] !== true) return command.invalidParameter(at);
    if (!isExplicit(group)) return command.invalidParameter(at + 2);
    wanted.set(group, state);
  }
  return askFor(command, itl, portGroups, wanted);
}

function groupOfId(members: Members, id: number): PortGroup | undefined {
  for (const group of members.keys()) if (group.id === id) return group;
  return undefined;
}

/**
 * SPC-4 §5.15.2.4: offline is a state of one port, named by its relative identifier. Here groups
 * have states: a port that has its group for itself can go offline, one that shares it cannot.
 */
function groupOfPort(
  members: Members,
  { name }: TargetPort,
  id: number,
): PortGroup | 'shared' | undefined {
  const isIt = (port: TargetPort) => port.name === name && port.relativePortId === id;
  for (const [group, ports] of members) {
    if (ports.some(isIt)) return ports.every(isIt) ? group : 'shared';
  }
  return undefined;
}

function askFor(
  command: Command,
  itl: ItlNexus,
  portGroups: PortGroups,
  wanted: ReadonlyMap<PortGroup, number>,
): void {
  const names = [...wanted.keys()].map(({ name }) => name);
  const states: WantedState[] = [];
  for (const [{ name: group, attributes }, state] of wanted) {
    if (attributes.alua_access_state !== state) states.push({ group, state });
  }
  const finish = (): void => {
    if (command.waited()) command.good();
  };
  const settle = (): void => {
    if (portGroups.isSettled(names)) finish();
    else command.waitFor(portGroups.whenSettled(names, finish));
  };
  if (states.length === 0) return settle();
  const cancel = portGroups.ask({ itl, states }, (held) => {
    if (held) settle();
    else if (command.waited()) command.check(SENSE.SET_TARGET_PORT_GROUPS_FAILED);
  });
  if (cancel === null) command.complete(STATUS.BUSY, null);
  else command.waitFor(cancel);
}
