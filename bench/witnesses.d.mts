export function qemuRate(text: string, commands: number): number | undefined;
export function perfRate(text: string): number | undefined;
