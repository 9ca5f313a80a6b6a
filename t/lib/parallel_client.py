#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

# Many requests at once, over and over: parallel_client.py PORT PATH STREAMS
# SECONDS.  Prints JSON: how many of each status (0: none), and one body of
# what was no 200.

import http.client
import json
import sys
import threading
import time

port, path, streams, seconds = int(sys.argv[1]), sys.argv[2], \
    int(sys.argv[3]), float(sys.argv[4])
end = time.time() + seconds
lock = threading.Lock()
counts = {}
bad = ''


def run(n):
    global bad
    while time.time() < end:
        status, text = 0, ''
        try:
            conn = http.client.HTTPConnection('127.0.0.1', port, timeout=120)
            conn.request('POST', path, 'prompt %d' % n)
            answer = conn.getresponse()
            text = answer.read().decode(errors='replace')
            status = answer.status
            conn.close()
        except (OSError, http.client.HTTPException) as e:
            text = repr(e)
        with lock:
            counts[status] = counts.get(status, 0) + 1
            if status != 200:
                bad = text[:200]


threads = [threading.Thread(target=run, args=(n,)) for n in range(streams)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(json.dumps({'counts': counts, 'bad': bad}))
