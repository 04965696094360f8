/** Content type -> what a crawler fetched, by HitKeep's rule. Pure. */

export type ResourceType = 'html' | 'image' | 'document' | 'other';

const DOCUMENTS = new Set([
  'application/pdf',
  'application/msword',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  'application/vnd.ms-powerpoint',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  'application/vnd.ms-excel',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  'text/plain',
  'text/markdown',
]);

/** An absent content type counts as html. What stands before ';' is not trimmed again. */
export function readResourceType(contentType: string): ResourceType {
  const type = contentType.trim().toLowerCase().split(';', 1)[0] ?? '';
  if (type === '' || type === 'text/html' || type === 'application/xhtml+xml') return 'html';
  if (type.startsWith('image/')) return 'image';
  return DOCUMENTS.has(type) ? 'document' : 'other';
}
