/** Who is signed in, and what that person may do as far as the page needs to know; the API decides. */

export type TeamRole = 'owner' | 'admin' | 'member';
export type InstanceRole = 'owner' | 'admin' | 'user';

export interface TeamOfMine {
  readonly id: string;
  readonly name: string;
  readonly role: TeamRole;
}

export interface Session {
  readonly id: string;
  readonly email: string;
  readonly instance_role: InstanceRole;
  readonly teams: readonly TeamOfMine[];
}

/** Sees all sites, the instance's audit log, and gateways. */
export function isStaff(session: Session): boolean {
  return session.instance_role !== 'user';
}

export function managedTeams(session: Session): readonly TeamOfMine[] {
  return session.teams.filter((team) => team.role !== 'member');
}
