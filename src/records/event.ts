/** An event: payload -> checked fields -> row of `events`. Pure. */
import { EVENTS, type RowWriter } from './entry.ts';
import { readUuid } from './identity.ts';
import {
  fault,
  isFault,
  isStorable,
  readFlag,
  readText,
  unstorable,
  type Fault,
  type Payload,
} from './payload.ts';
import { readVisit, type ReadContext, type RowContext, type Visit } from './visit.ts';

export interface Event extends Visit {
  /** Not judged yet: see `checkEventName`. */
  readonly name: unknown;
  readonly hasEscapes: boolean;
  /** A JSON object as text. */
  readonly properties: string;
  readonly referrer: string | null;
  readonly isDropped: boolean;
  readonly sessionId: string | null;
}

const DEPTH_MAX = 100;

export function readEvent(payload: Payload, context: ReadContext): Event | Fault {
  const visit = readVisit(payload, 'event', context);
  if (isFault(visit)) return visit;
  const { fields, hasEscapes } = payload;
  const referrer = readText(fields['referrer'], 'referrer', hasEscapes);
  if (isFault(referrer)) return referrer;
  const isDropped = readFlag(fields['dnt'], 'dnt');
  if (isFault(isDropped)) return isDropped;
  const sessionId = readUuid(fields['session_id'], 'session_id');
  if (isFault(sessionId)) return sessionId;
  const properties = readProperties(fields['properties'], hasEscapes);
  if (isFault(properties)) return properties;
  return { ...visit, name: fields['name'], hasEscapes, properties, referrer, isDropped, sessionId };
}

/** HitKeep looks at the name only after the site and the grant: a separate step, so that the order is the same. */
export function checkEventName(event: Event): Fault | null {
  const { name } = event;
  if (name === undefined || name === null) return fault('field_required', 'name', NAME_ADVICE);
  if (typeof name !== 'string') return fault('field_type', 'name', 'name must be a text.');
  if (name.trim() === '') return fault('field_required', 'name', NAME_ADVICE);
  return event.hasEscapes && !isStorable(name) ? unstorable('name') : null;
}

/** The fields in the order of the columns of `events`. Only for an event whose name was checked. */
export function encodeEvent(writer: RowWriter, event: Event, context: RowContext): void {
  writer.begin(EVENTS);
  writer.uuid(context.siteId);
  writer.timestampUs(event.timestampUs);
  if (event.id === null) writer.timedId(context.ids, context.nowMs);
  else writer.uuid(event.id);
  writer.uuid(context.clientId);
  writer.timestampUs(context.nowMs * 1000);
  writer.uuidOrRandom(event.sessionId, context.ids);
  writer.text(String(event.name).trim());
  writer.jsonb(event.properties);
  writer.text(event.path);
  writer.text(event.hostname);
  writer.text(event.referrer);
  writer.text(event.userAgent);
  writer.text(event.countryCode);
  writer.end();
}

const NAME_ADVICE = 'name is required.';

function readProperties(value: unknown, hasEscapes: boolean): string | Fault {
  if (value === undefined || value === null) return '{}';
  if (typeof value !== 'object' || Array.isArray(value)) {
    return fault('field_type', 'properties', 'properties must be an object.');
  }
  return checkValues(value, hasEscapes) ?? JSON.stringify(value);
}

/** Looks at every value without recursion: nesting is the sender's to choose. */
function checkValues(root: object, hasEscapes: boolean): Fault | null {
  let level: unknown[] = [root];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > DEPTH_MAX) {
      return fault(
        'field_invalid',
        'properties',
        `properties must not be nested deeper than ${DEPTH_MAX} levels.`,
      );
    }
    const below: unknown[] = [];
    for (const container of level) {
      if (hasEscapes && !Object.keys(container as object).every(isStorable)) return unstorable('properties');
      for (const value of Object.values(container as object) as unknown[]) {
        if (typeof value === 'object' && value !== null) below.push(value);
        else if (typeof value === 'string' && hasEscapes && !isStorable(value))
          return unstorable('properties');
        else if (typeof value === 'number' && !Number.isFinite(value)) {
          // JSON.parse reads 1e400 as Infinity, and would write it as null.
          return fault('field_out_of_range', 'properties', 'properties has a number that is too large.');
        }
      }
    }
    level = below;
  }
  return null;
}
