"""A minimal sender for Python 3.9 or newer, standard library only.

    sender = Sender("https://sluice.example.com", os.environ["TOKEN"])
    sender.track({"type": "pageview", "url": "https://example.com/", "visitor_ip": "192.0.2.1", "user_agent": "Firefox"})
    sender.close()  # before the process ends

`track` returns at once; a thread sends batches, and tries each again until the gateway has it or says that it is bad.
"""

import datetime
import json
import queue
import random
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid

BATCH_MAX = 500
PAUSE_S_MAX = 30


class Sender:
    def __init__(self, url, token, on_refused=lambda status, answer: print(status, answer, file=sys.stderr)):
        self._url, self._token, self._on_refused = url + "/api/ingest/server/batch", token, on_refused
        self._queue = queue.Queue(maxsize=100_000)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def track(self, record):
        """Raises queue.Full when too much waits."""
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        # Its own time and id, now: however often it is sent, and whenever, it is one row.
        self._queue.put_nowait({"id": str(uuid.uuid4()), "timestamp": now, **record})

    def close(self):
        self._queue.put(None)
        self._thread.join()

    def _run(self):
        is_closing = False
        while not is_closing:
            batch = [self._queue.get()]
            while len(batch) < BATCH_MAX:
                try:
                    batch.append(self._queue.get(timeout=0.2))
                except queue.Empty:
                    break
            is_closing = None in batch
            records = [record for record in batch if record is not None]
            if records:
                self._deliver(records)

    def _deliver(self, records):
        attempt = 0
        while (wait := self._send(records)) is not None:
            time.sleep(max(wait, min(PAUSE_S_MAX, 0.25 * 2**attempt) * random.uniform(0.75, 1.25)))
            attempt += 1

    def _send(self, records):
        """None: done with. Else how many seconds to wait, at least, before it is sent again."""
        request = urllib.request.Request(
            self._url,
            data=json.dumps(records).encode(),
            headers={"Authorization": "Bearer " + self._token, "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                status, answer = response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            if error.code == 429 or error.code >= 500:
                return float(error.headers.get("Retry-After") or 0)
            status, answer = error.code, error.read().decode(errors="replace")
        except (OSError, ValueError):
            return 0
        errors = answer.get("errors", []) if isinstance(answer, dict) else [answer]
        if errors and isinstance(errors[0], dict) and errors[0].get("retry"):
            return 1
        if errors:
            self._on_refused(status, answer)
        return None
