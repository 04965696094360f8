/**
 * An AWS Lambda (Node 22) that forwards CloudFront's log files: trigger it by _object created_ of the log bucket. The file
 * goes as it lies in S3; what fails is tried again by Lambda itself, and makes no row twice.
 *
 * Environment: SLUICE_URL (https://sluice.example.com), SLUICE_SITE (the site's domain or id), SLUICE_CLIENT_TOKEN.
 */
export async function handler(event, _context, readObject = readFromS3) {
  const { SLUICE_URL: url, SLUICE_SITE: site, SLUICE_CLIENT_TOKEN: token } = process.env;
  for (const record of event.Records) {
    const key = decodeURIComponent(record.s3.object.key.replaceAll('+', ' '));
    const response = await fetch(`${url}/api/sites/${site}/ingest/cloudfront?pageviews=1`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}` },
      body: await readObject(record.s3.bucket.name, key),
    });
    const text = await response.text();
    // Thrown: Lambda delivers the event again, later.
    if (!response.ok) throw new Error(`${key}: ${response.status} ${text}`);
    console.log(key, text.trim());
  }
}

async function readFromS3(bucket, key) {
  const { GetObjectCommand, S3Client } = await import('@aws-sdk/client-s3');
  const object = await new S3Client().send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return object.Body.transformToByteArray();
}
