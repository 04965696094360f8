/** A pageview: payload -> checked fields -> row of `hits`. Pure. */
import { HITS, type RowWriter } from './entry.ts';
import { parseUuid, readUuid } from './identity.ts';
import { isFault, readFlag, readInteger, readText, type Fault, type Payload } from './payload.ts';
import { readCampaign, type Campaign } from './url.ts';
import { checkDecoded, readVisit, type ReadContext, type RowContext, type Visit } from './visit.ts';

export interface Pageview extends Visit {
  readonly referrer: string | null;
  readonly viewportWidth: number | null;
  readonly viewportHeight: number | null;
  readonly screenWidth: number | null;
  readonly screenHeight: number | null;
  readonly language: string | null;
  /** True: the visitor asks not to be tracked, and the record is taken and dropped. */
  readonly isDropped: boolean;
  readonly sessionId: string | null;
  readonly pageId: string | null;
  readonly campaign: Campaign;
  readonly qrCodeId: string | null;
}

export function readPageview(payload: Payload, context: ReadContext): Pageview | Fault {
  const visit = readVisit(payload, 'pageview', context);
  if (isFault(visit)) return visit;
  const { fields, hasEscapes } = payload;
  const referrer = readText(fields['referrer'], 'referrer', hasEscapes);
  if (isFault(referrer)) return referrer;
  const viewportWidth = readInteger(fields['viewport_width'], 'viewport_width');
  if (isFault(viewportWidth)) return viewportWidth;
  const viewportHeight = readInteger(fields['viewport_height'], 'viewport_height');
  if (isFault(viewportHeight)) return viewportHeight;
  const screenWidth = readInteger(fields['screen_width'], 'screen_width');
  if (isFault(screenWidth)) return screenWidth;
  const screenHeight = readInteger(fields['screen_height'], 'screen_height');
  if (isFault(screenHeight)) return screenHeight;
  const language = readText(fields['language'], 'language', hasEscapes);
  if (isFault(language)) return language;
  const isDropped = readFlag(fields['dnt'], 'dnt');
  if (isFault(isDropped)) return isDropped;
  const sessionId = readUuid(fields['session_id'], 'session_id');
  if (isFault(sessionId)) return sessionId;
  const pageId = readUuid(fields['page_id'], 'page_id');
  if (isFault(pageId)) return pageId;
  const campaign = readCampaign(visit.query);
  const undecodable = checkDecoded([
    campaign.source,
    campaign.medium,
    campaign.campaign,
    campaign.term,
    campaign.content,
  ]);
  if (undecodable !== null) return undecodable;
  // One by one: for a spread V8 calls a function that copies any object. Pageviews are most of what comes.
  return {
    hostname: visit.hostname,
    path: visit.path,
    query: visit.query,
    timestampUs: visit.timestampUs,
    countryCode: visit.countryCode,
    userAgent: visit.userAgent,
    id: visit.id,
    referrer,
    viewportWidth,
    viewportHeight,
    screenWidth,
    screenHeight,
    language,
    isDropped,
    sessionId,
    pageId,
    campaign,
    qrCodeId: campaign.qr === null ? null : parseUuid(campaign.qr),
  };
}

/** The fields in the order of the columns of `hits`. */
export function encodePageview(writer: RowWriter, pageview: Pageview, context: RowContext): void {
  writer.begin(HITS);
  writer.uuid(context.siteId);
  writer.timestampUs(pageview.timestampUs);
  if (pageview.id === null) writer.timedId(context.ids, context.nowMs);
  else writer.uuid(pageview.id);
  writer.uuid(context.clientId);
  writer.timestampUs(context.nowMs * 1000);
  writer.uuidOrRandom(pageview.sessionId, context.ids);
  writer.uuidOrRandom(pageview.pageId, context.ids);
  writer.text(pageview.path);
  writer.text(pageview.hostname);
  writer.text(pageview.referrer);
  writer.text(pageview.userAgent);
  writer.int4(pageview.viewportWidth);
  writer.int4(pageview.viewportHeight);
  writer.int4(pageview.screenWidth);
  writer.int4(pageview.screenHeight);
  writer.text(pageview.language);
  writer.text(pageview.countryCode);
  writer.text(pageview.campaign.source);
  writer.text(pageview.campaign.medium);
  writer.text(pageview.campaign.campaign);
  writer.text(pageview.campaign.term);
  writer.text(pageview.campaign.content);
  writer.uuid(pageview.qrCodeId);
  writer.end();
}
