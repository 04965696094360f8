<?php
/**
 * Plugin Name: Sluice pageviews
 * Description: Sends a pageview to Sluice for every page that is shown, without ever slowing or breaking one.
 *
 * A must-use plugin: put this file into wp-content/mu-plugins/, and into wp-config.php:
 *
 *   define('SLUICE_URL', 'https://sluice.example.com');
 *   define('SLUICE_TOKEN', 'slc_…');
 *   // Behind a proxy of yours that sets it: define('SLUICE_ADDRESS_HEADER', 'HTTP_X_REAL_IP');
 *
 * A page only appends a line to a file. WordPress' cron sets the file aside once a minute, and sends the one before; it
 * stays until the gateway has taken it. Pages from a cache in front of PHP are not seen.
 */

if (!defined('ABSPATH')) {
    exit;
}

const SLUICE_BATCH_LINES = 500;
const SLUICE_QUEUE_BYTES = 16 * 1024 * 1024;

function sluice_queue(): string
{
    return (defined('SLUICE_QUEUE') ? SLUICE_QUEUE : WP_CONTENT_DIR) . '/sluice-queue-' . md5(AUTH_KEY);
}

/** What visitors look at: not the administration, feeds, REST, cron, previews, or what was not found. */
function sluice_is_page(): bool
{
    return ($_SERVER['REQUEST_METHOD'] ?? '') === 'GET' && !is_admin() && !is_feed() && !is_preview() && !is_404()
        && !wp_doing_cron() && !wp_doing_ajax() && !(defined('REST_REQUEST') && REST_REQUEST);
}

function sluice_track(): void
{
    $file = sluice_queue();
    if (!sluice_is_page() || (@filesize($file) ?: 0) > SLUICE_QUEUE_BYTES) {
        return;
    }
    $address = defined('SLUICE_ADDRESS_HEADER') ? SLUICE_ADDRESS_HEADER : 'REMOTE_ADDR';
    $line = wp_json_encode([
        'type' => 'pageview',
        // Its own time and id, now: however often it is sent, and whenever, it is one row.
        'id' => wp_generate_uuid4(),
        'timestamp' => gmdate('Y-m-d\\TH:i:s\\Z'),
        'url' => (is_ssl() ? 'https://' : 'http://') . $_SERVER['HTTP_HOST'] . $_SERVER['REQUEST_URI'],
        'visitor_ip' => trim(explode(',', $_SERVER[$address] ?? '')[0]),
        'user_agent' => $_SERVER['HTTP_USER_AGENT'] ?? '',
        'referrer' => $_SERVER['HTTP_REFERER'] ?? null,
    ]);
    if ($line !== false) {
        @file_put_contents($file, $line . "\n", FILE_APPEND | LOCK_EX);
    }
}

/** Sends what waits. One runner at a time; a file that is being sent has a name of its own, and outlives a crash. */
function sluice_flush(): void
{
    $file = sluice_queue();
    $lock = @fopen($file . '.lock', 'c');
    if ($lock === false || !flock($lock, LOCK_EX | LOCK_NB)) {
        return;
    }
    $sending = $file . '.sending';
    if (file_exists($sending)) {
        $lines = file($sending, FILE_IGNORE_NEW_LINES | FILE_SKIP_EMPTY_LINES) ?: [];
        $done = true;
        foreach (array_chunk($lines, SLUICE_BATCH_LINES) as $batch) {
            if (!sluice_send($batch)) {
                $done = false;
                break;
            }
        }
        // Sent again as a whole next time: what was taken already is no new row.
        if ($done) {
            unlink($sending);
        }
    }
    // Set aside for the next run: by then no page is still writing to it.
    if (!file_exists($sending)) {
        @rename($file, $sending);
    }
    flock($lock, LOCK_UN);
}

/** True: done with, taken or refused for good. */
function sluice_send(array $lines): bool
{
    $response = wp_remote_post(SLUICE_URL . '/api/ingest/server/batch', [
        'timeout' => 15,
        'headers' => ['Authorization' => 'Bearer ' . SLUICE_TOKEN, 'Content-Type' => 'application/x-ndjson'],
        'body' => implode("\n", $lines),
    ]);
    if (is_wp_error($response)) {
        return false;
    }
    $status = (int) wp_remote_retrieve_response_code($response);
    $answer = json_decode(wp_remote_retrieve_body($response), true);
    if ($status === 429 || $status >= 500 || ($answer['errors'][0]['retry'] ?? false)) {
        return false;
    }
    if (!empty($answer['errors']) || $status >= 400) {
        error_log('Sluice refuses records: ' . wp_remote_retrieve_body($response));
    }
    return true;
}

add_action('shutdown', 'sluice_track');
add_action('sluice_flush', 'sluice_flush');
add_filter('cron_schedules', function (array $schedules): array {
    return $schedules + ['sluice_minute' => ['interval' => 60, 'display' => 'Every minute']];
});
add_action('init', function (): void {
    if (!wp_next_scheduled('sluice_flush')) {
        wp_schedule_event(time(), 'sluice_minute', 'sluice_flush');
    }
});
